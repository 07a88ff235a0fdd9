// The AI SDK, whose providers make requests of their own of the same calls.
import assert from 'node:assert/strict';
import { APICallError, generateText, isStepCount, Output, streamText, tool } from 'ai';
import { forecast, model, Tools } from './suite.mjs';

// aiSDK is a client for check; provider gives the language model of a name.
export function aiSDK(provider) {
  const given = (tools, prompt) => ({
    model: provider(model), prompt, stopWhen: isStepCount(5),
    tools: {
      get_weather: tool({ inputSchema: Tools.city, execute: tools.weather }),
      get_time: tool({ inputSchema: Tools.city, execute: tools.time }),
    },
  });
  return {
    ask: async (prompt, model) => (await generateText({ model: provider(model), prompt })).text,
    stream: (prompt, onText) => read(streamText({ model: provider(model), prompt, onError }), onText),
    tools: async (tools, question) => (await generateText(given(tools, question))).text,
    toolsStreamed: async (tools, question) => {
      const result = streamText({ ...given(tools, question), onError });
      await read(result, () => {});
      return result.text; // of the last step
    },
    structured: async (prompt) => (await generateText({ model: provider(model), prompt, output: Output.object({ schema: forecast }) })).output,
    json: async (prompt) => (await generateText({ model: provider(model), prompt, output: Output.json() })).output,
    image: async (text, data) => {
      const content = [{ type: 'text', text }, { type: 'file', data, mediaType: 'image/png' }];
      return (await generateText({ model: provider(model), messages: [{ role: 'user', content }] })).text;
    },
    failure: (error) => {
      assert.ok(APICallError.isInstance(error));
      return { status: error.statusCode, code: error.data.error.code };
    },
  };
}

// Errors are looked at in the stream; else they are printed too.
const onError = () => {};

// read throws what the stream has for an error: its text just ends there.
async function read(result, onText) {
  let text = '';
  for await (const part of result.fullStream) {
    switch (part.type) {
      case 'text-delta':
        text += part.text;
        onText(part.text);
        break;
      case 'error':
        throw part.error;
    }
  }
  return text;
}
