// OpenAI's Agents SDK over chat completions.
import assert from 'node:assert/strict';
import { Agent, OpenAIProvider, Runner, tool } from '@openai/agents';
import OpenAI from 'openai';
import { baseURL, check, forecast, model, Tools } from './suite.mjs';

const openAIClient = new OpenAI({ baseURL, apiKey: 'any' });
const runner = new Runner({ modelProvider: new OpenAIProvider({ openAIClient, useResponses: false }), tracingDisabled: true });
const agent = (options) => new Agent({ name: 'Forecaster', instructions: 'You know the weather.', model, ...options });

const equipped = (tools) => agent({
  tools: [
    tool({ name: 'get_weather', description: 'The weather.', parameters: Tools.city, execute: tools.weather }),
    tool({ name: 'get_time', description: 'The time.', parameters: Tools.city, execute: tools.time }),
  ],
});

async function streamed(agent, question, onText = () => {}) {
  const result = await runner.run(agent, question, { stream: true });
  for await (const text of result.toTextStream()) onText(text);
  await result.completed;
  return result.finalOutput;
}

check({
  ask: async (text, model) => (await runner.run(agent({ model }), text)).finalOutput,
  stream: (text, onText) => streamed(agent(), text, onText),
  tools: async (tools, question) => (await runner.run(equipped(tools), question)).finalOutput,
  toolsStreamed: (tools, question) => streamed(equipped(tools), question),
  structured: async (text) => (await runner.run(agent({ outputType: forecast }), text)).finalOutput,
  image: async (text, data) => {
    const content = [{ type: 'input_text', text }, { type: 'input_image', image: `data:image/png;base64,${data}` }];
    return (await runner.run(agent(), [{ role: 'user', content }])).finalOutput;
  },
  failure: (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    return { status: error.status, code: error.code };
  },
});
