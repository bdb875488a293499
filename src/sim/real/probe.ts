import { get as getPlain } from 'node:http';
import { get as getSecure } from 'node:https';

const TIMEOUT_MS = 2_000;

/** Whether a GET on loopback is answered with 200. Never throws. */
export function answersOk(url: string, ca?: string): Promise<boolean> {
  const options = { agent: false, timeout: TIMEOUT_MS, ...(ca === undefined ? {} : { ca }) };
  return new Promise((resolve) => {
    const get = url.startsWith('https:') ? getSecure : getPlain;
    const request = get(url, options, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(false));
  });
}
