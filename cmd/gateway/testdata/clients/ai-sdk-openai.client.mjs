// The AI SDK's provider for OpenAI, told to chat.
import { createOpenAI } from '@ai-sdk/openai';
import { aiSDK } from './ai-sdk.mjs';
import { baseURL, check } from './suite.mjs';

check(aiSDK(createOpenAI({ baseURL, apiKey: 'any' }).chat));
