import type { ProblemDetails } from '../contract/problem.ts';

/** The hub answered with a problem. */
export class HubProblem extends Error {
  readonly problem: ProblemDetails;
  constructor(problem: ProblemDetails) {
    super(problem.detail);
    this.name = 'HubProblem';
    this.problem = problem;
  }
}

/** The hub did not answer: unreachable, another CA, a cut line. `kind` is for programs, `message` and `hint` for people. */
export class HubUnreachable extends Error {
  readonly kind: 'refused' | 'unknownHost' | 'untrusted' | 'timeout' | 'cut' | 'noHub';
  readonly hub: string;
  readonly hint: string;
  /** Nothing of the call had left: whatever it was, it may be made again. */
  readonly unsent: boolean;
  constructor(kind: HubUnreachable['kind'], hub: string, message: string, hint: string, unsent = false) {
    super(message);
    this.name = 'HubUnreachable';
    this.kind = kind;
    this.hub = hub;
    this.hint = hint;
    this.unsent = unsent;
  }
}

/** What a failed fetch means. */
export function unreachableHub(hub: string, error: unknown): HubUnreachable {
  const cause = rootCause(error);
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  const text = cause instanceof Error ? cause.message : String(cause);
  if (code === 'ECONNREFUSED')
    return new HubUnreachable('refused', hub, `nothing listens at ${hub}`, 'is the hub running? `ldc dev` starts one');
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return new HubUnreachable('unknownHost', hub, `${hub} has no address`, 'check the name of the hub');
  if (/CERT|SIGNATURE|ERR_TLS|SELF_SIGNED|ISSUER/.test(code))
    return new HubUnreachable(
      'untrusted',
      hub,
      `the certificate of ${hub} is not trusted (${code})`,
      'give the CA of this hub by --ca FILE or LDC_CA',
    );
  if (code === 'UND_ERR_CONNECT_TIMEOUT')
    return new HubUnreachable('timeout', hub, `no connection to ${hub} in time`, NO_CONNECTION, true);
  if (code.includes('TIMEOUT') || (cause instanceof Error && cause.name === 'TimeoutError'))
    return new HubUnreachable('timeout', hub, `${hub} did not answer in time`, 'try again; is the network cut?');
  return new HubUnreachable(
    'cut',
    hub,
    `the call to ${hub} broke off: ${text}`,
    'look what it did before you ask again',
    /before secure TLS connection/.test(text),
  );
}

const NO_CONNECTION = 'try again; is the network cut, or the hub very busy?';

function rootCause(error: unknown): unknown {
  let cause = error;
  while (cause instanceof Error && cause.cause !== undefined) cause = cause.cause;
  return cause;
}
