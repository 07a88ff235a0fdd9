// The AI SDK's provider for whatever is compatible with OpenAI.
import assert from 'node:assert/strict';
import test from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, isStepCount, streamText, tool } from 'ai';
import { aiSDK } from './ai-sdk.mjs';
import { baseURL, check, model, scenarios, Tools } from './suite.mjs';

const provider = createOpenAICompatible({ name: 'gateway', baseURL, apiKey: 'any', includeUsage: true, supportsStructuredOutputs: true });

check(aiSDK(provider));

const thought = 'The user wants to know.';
const thinking = (prompt) => ({ model: provider(model), prompt, providerOptions: { gateway: { reasoningEffort: 'high' } } });

test('reasoning', async () => {
  await scenarios({ thinking: thought });
  assert.equal((await generateText(thinking('How are you?'))).reasoningText, thought);
  assert.equal(await streamText(thinking('How are you?')).reasoningText, thought);
});

// The second request holds the thinking of the first, without its signature.
test('reasoning between tools', async () => {
  await scenarios({ thinking: thought });
  const tools = new Tools();
  const answer = await generateText({
    ...thinking('Use get_weather.'), stopWhen: isStepCount(5),
    tools: { get_weather: tool({ inputSchema: Tools.city, execute: tools.weather }) },
  });
  assert.equal(answer.text, 'The tool answered: sunny');
});

test('usage of a stream', async () => {
  await scenarios();
  const usage = await streamText({ model: provider(model), prompt: 'Hello' }).usage;
  assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0);
});
