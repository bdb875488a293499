/** Who the simulated agents are: nobody joins in a simulation, for enrolment is asynchronous cryptography, which no seed repeats. */
import type { StoredIdentity } from '../../src/hub-agent/index.ts';

/** Good until 2226, so that none renews it; its key was thrown away, for nothing is encrypted here. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBjDCCATGgAwIBAgIUX0yC9uPuHoRgB+po2hQ7xmAtrZIwCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPc2ltdWxhdGVkIGFnZW50MCAXDTI2MTEyMzAzMjMzNVoYDzIy
MjYxMDA2MDMyMzM1WjAaMRgwFgYDVQQDDA9zaW11bGF0ZWQgYWdlbnQwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAARz8i8IZw6ZJpQ5RBAsbXgQbmofICzzdkuY3gul
J9k8tuvRAl59U6BtpuxdugLdVdvA77hMavZDQWm8MGcBIhyPo1MwUTAdBgNVHQ4E
FgQUR3iXk9T8HBxZIBxqpX4DIVVbKYswHwYDVR0jBBgwFoAUR3iXk9T8HBxZIBxq
pX4DIVVbKYswDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAlLP8
L+vhqXk7wT9Frg2ynLDgx7Pcex8tqmaNpCJlMVACIQCthtpciAcW7E2c43xMWQle
F4QpVPa2cxwBKIBpxUQpTg==
-----END CERTIFICATE-----
`;

export function identityOf(cluster: string): StoredIdentity {
  return { cluster, certificate: CERTIFICATE, ca: CERTIFICATE, key: '' };
}

export function publicKeyOf(cluster: string): string {
  return `key of ${cluster}`;
}
