/** The matrix of kubectl versions and servers: what is typed, in which order. What is printed stands in `expected/`. */

/** One kubectl command. In `args`, `input` and files `$NS` is the scenario's own namespace, and prefix of cluster-wide names. */
export interface Step {
  /** Names the section of the transcript; unique within the scenario. */
  readonly name: string;
  /** Split as a shell does, as far as quotes go. The namespace is the default one of the kubeconfig. */
  readonly args: string;
  readonly input?: string;
  /** Repeated until stdout matches: for what controllers bring about in their own time. */
  readonly until?: RegExp;
  /** A stream: runs until stdout matches `until`, and is ended then. `meanwhile` is typed when the stream has begun. */
  readonly stream?: { readonly meanwhile?: string; readonly begun?: RegExp };
  readonly env?: { readonly [name: string]: string };
  /** Lines of stdout are sorted, when their order is of random names. */
  readonly sorted?: true;
  /** Only these lines of stdout are looked at; the others are of other scenarios or other servers. */
  readonly only?: RegExp;
  /** Only this much of stdout is looked at. */
  readonly cut?: (text: string) => string;
  /** Not compared: brings about what the next steps look at. It must succeed. */
  readonly silent?: true;
}

export interface Scenario {
  readonly name: string;
  /** Run with every kubectl in the ordinary suite; the others only with the newest, unless `LDC_KUBECTL_MATRIX=full`. */
  readonly core?: true;
  /** Only on embedded clusters, with why a real control plane without a kubelet of ours cannot judge it. */
  readonly embeddedOnly?: string;
  /** Files in the working directory, by name. */
  readonly files?: { readonly [name: string]: string };
  readonly steps: readonly Step[];
}

/** What one step printed, normalised. */
export interface Printed {
  readonly step: string;
  readonly args: string;
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Where and with which kubectl something was printed. */
export interface Place {
  readonly server: 'real' | 'embedded';
  readonly minor: number;
}

/** One kubectl at hand. */
export interface Kubectl {
  readonly path: string;
  /** Such as 33. */
  readonly minor: number;
}
