// A coding agent, without its terminal.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { baseURL, breaks, model, pixel, scenarios, upstream } from './suite.mjs';

const program = join(import.meta.dirname, 'node_modules/opencode-linux-x64-baseline/bin/opencode');
const folder = mkdtempSync(join(tmpdir(), 'opencode-'));

const settings = {
  share: 'disabled',
  permission: { bash: 'deny', edit: 'deny', webfetch: 'deny' },
  provider: {
    gateway: {
      npm: '@ai-sdk/openai-compatible',
      options: { baseURL, apiKey: 'any' },
      models: { [model]: { attachment: true, modalities: { input: ['text', 'image'], output: ['text'] } }, 'no-such-model': {} },
    },
  },
};

const env = {
  ...process.env,
  OPENCODE_CONFIG_CONTENT: JSON.stringify(settings),
  OPENCODE_DISABLE_AUTOUPDATE: '1',
  OPENCODE_DISABLE_LSP_DOWNLOAD: '1',
  OPENCODE_DISABLE_MODELS_FETCH: '1',
  npm_config_offline: 'true', // or it would install its library for plugins
};

// run gives the texts and errors that it reports, and its exit code. With a title given
// it does not ask the model for one.
async function run(question, { name = model, files = [] } = {}) {
  const args = ['run', '--format', 'json', '--title', 'test', '--model', `gateway/${name}`, question, ...files.map((file) => `--file=${file}`)];
  const child = spawn(program, args, { cwd: folder, env, timeout: 60_000, stdio: ['ignore', 'pipe', 'ignore'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  let output = '';
  for await (const data of child.stdout) output += data;
  const events = output.split('\n').filter(Boolean).map((line) => JSON.parse(line));
  return {
    code: await ended,
    texts: events.filter(({ type }) => type === 'text').map(({ part }) => part.text),
    errors: events.filter(({ type }) => type === 'error').map(({ error }) => error.data),
  };
}

const good = (...texts) => ({ code: 0, texts, errors: [] });

test('hello', async () => {
  await scenarios({ text: 'Fine, thank you.' });
  assert.deepEqual(await run('How are you?'), good('Fine, thank you.'));
});

test('tools', async () => {
  const filePath = join(folder, 'note.txt');
  writeFileSync(filePath, 'The number is 4711.');
  await scenarios({ times: 1, text: 'I shall look.', calls: [{ name: 'read', input: { filePath } }] });
  const answer = await run('What is in note.txt?');
  assert.equal(answer.texts[0], 'I shall look.');
  assert.match(answer.texts[1], /^The tool answered: [^]*The number is 4711\./);
});

test('image', async () => {
  writeFileSync(join(folder, 'pixel.png'), Buffer.from(pixel, 'base64'));
  await scenarios({ text: 'A pixel.' });
  assert.deepEqual(await run('What is it?', { files: ['pixel.png'] }), good('A pixel.'));
});

test('error', async () => {
  const answer = await run('How are you?', { name: 'no-such-model' });
  assert.notEqual(answer.code, 0);
  assert.deepEqual(answer.errors.map(({ statusCode, responseBody }) => [statusCode, JSON.parse(responseBody).error.code]), [[404, 'model_not_found']]);
});

// It asks again after a pause, and shows nothing of the first answer. One without an end
// that looks complete it would show, and ask again at once for as long as there is none.
for (const [name, fault] of Object.entries(breaks)) {
  test(`stream that broke: ${name}`, async () => {
    await scenarios({ ...fault, times: 1 }, { text: 'Fine.' });
    const calls = await upstream(async () => assert.deepEqual(await run('How are you?'), good('Fine.')));
    assert.equal(calls, 2);
  });
}
