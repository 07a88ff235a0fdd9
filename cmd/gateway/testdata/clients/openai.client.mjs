// The SDK of OpenAI: plain calls and streams, its helpers for both, parse, and the tool runner.
import assert from 'node:assert/strict';
import test from 'node:test';
import OpenAI from 'openai';
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod';
import { baseURL, check, forecast, model, scenarios, Tools } from './suite.mjs';

const { completions } = new OpenAI({ baseURL, apiKey: 'any' }).chat;
const user = (content) => [{ role: 'user', content }];
const format = zodResponseFormat(forecast, 'forecast');

const runner = (tools, question, stream) => completions.runTools({
  model, stream, messages: user(question),
  tools: [
    zodFunction({ name: 'get_weather', parameters: Tools.city, function: tools.weather }),
    zodFunction({ name: 'get_time', parameters: Tools.city, function: tools.time }),
  ],
});

check({
  ask: async (text, model) => (await completions.create({ model, messages: user(text) })).choices[0].message.content,
  stream: async (text, onText) => {
    let sum = '';
    for await (const { choices } of await completions.create({ model, messages: user(text), stream: true })) {
      onText(choices[0].delta.content ?? '');
      sum += choices[0].delta.content ?? '';
    }
    return sum;
  },
  tools: (tools, question) => runner(tools, question, false).finalContent(),
  toolsStreamed: (tools, question) => runner(tools, question, true).finalContent(),
  structured: async (text) => {
    const answer = await completions.parse({ model, messages: user(text), response_format: format });
    return answer.choices[0].message.parsed;
  },
  json: async (text) => {
    const answer = await completions.create({ model, messages: user(text), response_format: { type: 'json_object' } });
    return JSON.parse(answer.choices[0].message.content);
  },
  image: async (text, data) => {
    const parts = [{ type: 'text', text }, { type: 'image_url', image_url: { url: `data:image/png;base64,${data}` } }];
    return (await completions.create({ model, messages: user(parts) })).choices[0].message.content;
  },
  failure: (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    return { status: error.status, code: error.code };
  },
});

test('structured output, streamed', async () => {
  await scenarios();
  const stream = completions.stream({ model, messages: user('Oslo'), response_format: format });
  forecast.parse((await stream.finalChatCompletion()).choices[0].message.parsed);
});

test('stream helper', async () => {
  await scenarios();
  const stream = completions.stream({ model, messages: user('Hello'), stream_options: { include_usage: true } });
  assert.equal(await stream.finalContent(), 'You said: Hello');
  const usage = await stream.totalUsage();
  assert.ok(usage.prompt_tokens > 0 && usage.completion_tokens > 0);
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
});
