// LlamaIndex: its OpenAI model, alone and in its agent.
import { OpenAI, OpenAIAgent } from '@llamaindex/openai';
import { tool } from 'llamaindex';
import { baseURL, check, forecast, model, Tools } from './suite.mjs';

const llm = (model) => new OpenAI({ model, apiKey: 'any', baseURL });
const user = (content) => [{ role: 'user', content }];

const equipped = (tools) => new OpenAIAgent({
  llm: llm(model),
  tools: [
    tool(tools.weather, { name: 'get_weather', description: 'The weather.', parameters: Tools.city }),
    tool(tools.time, { name: 'get_time', description: 'The time.', parameters: Tools.city }),
  ],
});

const parsed = async (text, responseFormat) => JSON.parse((await llm(model).chat({ messages: user(text), responseFormat })).message.content);

async function read(stream, onText = () => {}) {
  let sum = '';
  for await (const { delta } of stream) {
    onText(delta);
    sum += delta;
  }
  return sum;
}

check({
  ask: async (text, model) => (await llm(model).chat({ messages: user(text) })).message.content,
  stream: async (text, onText) => read(await llm(model).chat({ messages: user(text), stream: true }), onText),
  tools: async (tools, question) => (await equipped(tools).chat({ message: question })).message.content,
  toolsStreamed: async (tools, question) => read(await equipped(tools).chat({ message: question, stream: true })),
  structured: (text) => parsed(text, forecast),
  json: (text) => parsed(text, { type: 'json_object' }),
  image: async (text, data) => {
    const parts = [{ type: 'text', text }, { type: 'image_url', image_url: { url: `data:image/png;base64,${data}` } }];
    return (await llm(model).chat({ messages: user(parts) })).message.content;
  },
  failure: ({ status, code }) => ({ status, code }),
});
