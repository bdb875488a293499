import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { LogSource } from '../api/index.ts';

/** Logs from a kubelet's own HTTP service; `url` answers undefined while no kubelet runs. */
export function kubeletLogs(url: () => string | undefined): LogSource {
  return ({ namespace, pod, container, query }, signal) => {
    const base = url();
    if (base === undefined) return Promise.resolve(undefined);
    const path = `/containerLogs/${namespace}/${pod}/${container}?${query}`;
    return new Promise((resolve, reject) => {
      const asked = request(`${base}${path}`, { signal, agent: false }, (response) => {
        if (response.statusCode === 200) return resolve(response);
        if (response.statusCode === 400) return void text(response).then((refused) => resolve({ refused }), reject);
        response.resume();
        return resolve(undefined);
      });
      asked.once('error', reject);
      asked.end();
    });
  };
}
