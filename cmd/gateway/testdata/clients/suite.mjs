// What every client must get from the gateway, whatever its way to ask.
import assert from 'node:assert/strict';
import test from 'node:test';
import { z } from 'zod';

const [base, emulator, name] = process.argv.slice(2);
export const model = name;
export const baseURL = `${base}/v1`;

export const forecast = z.object({
  city: z.string(),
  temperature: z.number().int().min(-90).max(60), // Claude knows no bounds
  wind: z.enum(['calm', 'storm']),
  hours: z.array(z.object({ hour: z.int(), rain: z.boolean() })).min(1),
  warning: z.string().nullable(),
});

// One grey pixel.
export const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==';

// Tools notes what it was called with. The emulator calls both, the question says so.
export class Tools {
  static question = 'Use get_weather and get_time in parallel.';
  static city = z.object({ city: z.string() });
  called = [];

  weather = ({ city }) => this.#answer('get_weather', city, 'sunny');
  time = ({ city }) => this.#answer('get_time', city, 'noon');

  #answer(name, city, answer) {
    this.called.push(name);
    assert.ok(city, 'a city was required');
    return answer;
  }
}

// scenarios replaces what the emulator has been told to do.
export async function scenarios(...list) {
  const res = await fetch(`${emulator}/emulator/scenarios`, { method: 'PUT', body: JSON.stringify(list) });
  assert.equal(res.status, 204, await res.text());
}

// upstream counts the requests that the emulator gets while act runs.
export async function upstream(act) {
  const before = await requests();
  await act();
  return (await requests()) - before;
}

async function requests() {
  return (await (await fetch(`${emulator}/emulator/requests`)).json()).length;
}

// Models that go on from what they are given find the first brace there.
const asJSON = model === 'claude-sonnet-4-5' ? '"answer": 42}' : '```json\n{"answer": 42}\n```';

// An answer in pieces, and the ways in which it breaks off between them.
const said = { text: 'one two three four five six seven eight nine ten eleven twelve.', events: 12 };
export const breaks = {
  'an error event': { ...said, error_after: 12 },
  'a broken connection': { ...said, cut_after: 12 },
  'an end too early': { ...said, close_after: 12 },
};

// check runs the cases on a client:
//
//   ask(text, model)           resolves to the answer's text
//   stream(text, onText)       the same, with the text as it comes
//   tools(tools, question)     the last answer when both tools were called
//   toolsStreamed(...)         the same, streamed
//   structured(text)           resolves to a forecast
//   json(text)                 resolves to what JSON mode gives; not every client has it
//   image(text, base64)        asks about a PNG
//   failure(error)             {status, code} of a refusal
export function check(client) {
  const it = (name, run) => test(name, { timeout: 60_000 }, async () => {
    await scenarios();
    await run();
  });
  it('hello', async () => {
    assert.equal(await client.ask('How are you?', model), 'You said: How are you?');
  });
  it('stream', async () => {
    await scenarios(said);
    const pieces = [];
    assert.equal(await client.stream('How are you?', (text) => pieces.push(text)), said.text);
    assert.equal(pieces.join(''), said.text);
    assert.ok(pieces.length > 3, `it came in ${pieces.length} pieces`);
  });
  for (const way of ['tools', 'toolsStreamed']) {
    it(way, async () => {
      const tools = new Tools();
      const answer = await client[way](tools, Tools.question);
      assert.deepEqual(tools.called.toSorted(), ['get_time', 'get_weather']);
      assert.match(answer, /^The tool answered: "?noon"?$/);
    });
  }
  it('structured output', async () => {
    forecast.parse(await client.structured('Oslo'));
  });
  if (client.json) {
    it('JSON mode', async () => {
      await scenarios({ text: asJSON });
      assert.deepEqual(await client.json('Answer in JSON.'), { answer: 42 });
    });
  }
  it('image', async () => {
    assert.equal(await client.image('What is it?', pixel), 'You said: What is it?');
  });
  it('error', async () => {
    const calls = await upstream(() => assert.rejects(client.ask('How are you?', 'no-such-model'), (error) => {
      assert.deepEqual(client.failure(error), { status: 404, code: 'model_not_found' });
      return true;
    }));
    assert.equal(calls, 0);
  });
  for (const [name, fault] of Object.entries(breaks)) {
    it(`stream that broke: ${name}`, async () => {
      await scenarios(fault);
      const pieces = [];
      const calls = await upstream(() => assert.rejects(client.stream('How are you?', (text) => pieces.push(text))));
      assert.notEqual(pieces.join(''), '', 'the text before the break was lost');
      assert.equal(calls, 1);
    });
  }
}
