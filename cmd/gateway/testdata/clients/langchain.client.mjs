// LangChain's ChatOpenAI.
import assert from 'node:assert/strict';
import test from 'node:test';
import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { z } from 'zod';
import { baseURL, check, forecast, model, scenarios, Tools } from './suite.mjs';

const chat = (model) => new ChatOpenAI({ model, apiKey: 'any', configuration: { baseURL }, useResponsesApi: false });

// round answers with the tools until none is called; ask gives one answer.
async function round(tools, question, ask) {
  const all = [
    tool(tools.weather, { name: 'get_weather', description: 'The weather.', schema: Tools.city }),
    tool(tools.time, { name: 'get_time', description: 'The time.', schema: Tools.city }),
  ];
  const messages = [new HumanMessage(question)];
  for (;;) {
    const answer = await ask(chat(model).bindTools(all), messages);
    if (!answer.tool_calls.length) return answer.text;
    messages.push(answer);
    for (const call of answer.tool_calls) {
      const result = await all.find((one) => one.name === call.name).invoke(call);
      assert.ok(result instanceof ToolMessage);
      messages.push(result);
    }
  }
}

async function streamed(bound, messages, onText = () => {}) {
  let sum;
  for await (const chunk of await bound.stream(messages)) {
    if (chunk.text) onText(chunk.text);
    sum = sum?.concat(chunk) ?? chunk;
  }
  return sum;
}

const structured = (method, schema) => (text) => chat(model).withStructuredOutput(schema, { method, name: 'forecast' }).invoke(text);

check({
  ask: async (text, model) => (await chat(model).invoke(text)).text,
  stream: async (text, onText) => (await streamed(chat(model), text, onText)).text,
  tools: (tools, question) => round(tools, question, (bound, messages) => bound.invoke(messages)),
  toolsStreamed: (tools, question) => round(tools, question, streamed),
  structured: structured('jsonSchema', forecast),
  json: structured('jsonMode', z.object({ answer: z.number() })),
  image: async (text, data) => {
    const url = `data:image/png;base64,${data}`;
    const content = [{ type: 'text', text }, { type: 'image_url', image_url: { url } }];
    return (await chat(model).invoke([new HumanMessage({ content })])).text;
  },
  failure: (error) => {
    assert.equal(error.lc_error_code, 'MODEL_NOT_FOUND');
    return { status: error.status, code: error.code };
  },
});

test('structured output by a function', async () => {
  await scenarios();
  forecast.parse(await structured('functionCalling', forecast)('Oslo'));
});
