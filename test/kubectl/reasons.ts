/**
 * Why a step prints something else with an older kubectl (`1.27-1.29`), on an embedded cluster (`embedded`), or both.
 * Checked both ways: each section of `expected/` with a variant has a reason here, each reason its section.
 */
export interface Difference {
  readonly why: string;
  /** Steps as `scenario/step`, by variant. */
  readonly steps: { readonly [variant: string]: readonly string[] };
}

export const DIFFERENCES: readonly Difference[] = [
  {
    why: 'kubectl 1.30 began to show node selectors and tolerations of a pod template, and of a Job whether it is suspended and its backoff limit',
    steps: {
      '1.27-1.29': [
        'describing/deployment',
        'describing/replica set',
        'describing/stateful set',
        'describing/daemon set',
        'describing/job',
        'describing/cron job',
        'rolling/history of one',
      ],
    },
  },
  { why: 'kubectl 1.33 began to show the namespace of a DaemonSet', steps: { '1.30-1.32': ['describing/daemon set'] } },
  {
    why: 'until 1.32 kubectl named the optional ConfigMap of a projected volume ConfigMapOptional, and printed a pointer',
    steps: { '1.27-1.32': ['describing/pod'] },
  },
  {
    why: 'kubectl 1.31 began to read EndpointSlices instead of the deprecated Endpoints, and to show the internal traffic policy',
    steps: { '1.27-1.30': ['describing/service', 'describing/ingress', 'first-day/describe'] },
  },
  {
    why: 'kubectl 1.31 began to print one more empty line after the data of a ConfigMap',
    steps: { '1.27-1.30': ['describing/config map'] },
  },
  {
    why: 'kubectl 1.30 began to print enumerations, and an empty line after the field',
    steps: {
      '1.27-1.29': [
        'asking/explain field',
        'asking/explain recursive',
        'asking/explain version',
        'custom/explain',
        'custom/explain all',
        'first-day/explain',
      ],
    },
  },
  {
    why: 'kubectl 1.30 began to name the namespace in which it looked',
    steps: { '1.27-1.29': ['containers/logs missing'] },
  },
  { why: 'kubectl 1.32 began to say that a profile should be named', steps: { '1.27-1.31': ['containers/debug'] } },
  {
    why: 'kubectl 1.32 began to say what it did not find beside that there was nothing to scale',
    steps: { '1.27-1.31': ['changing/scale missing'] },
  },
  {
    why: 'until 1.28 kubectl wrote the kinds of an applyset as resources',
    steps: { '1.27-1.28': ['applying/applyset remembers'] },
  },
  {
    why: 'kubectl 1.27 said "annotate" where it says "annotated" since 1.28',
    steps: {
      '1.27': ['changing/annotate', 'changing/annotate off', 'changing/annotate by selector', 'first-day/annotate'],
    },
  },
  {
    why: 'kubectl 1.27 asks for v1alpha1 or v1beta1 of SelfSubjectReview, which no server since 1.31 has',
    steps: { '1.27': ['asking/whoami', 'asking/whoami as'] },
  },
  {
    why: 'kubectl warns of a server more than one minor away; 1.27 printed the whole version by default',
    steps: { '1.27': ['asking/version'], '1.28-1.32': ['asking/version'] },
  },
  {
    why: 'the words for pods without a controller, and a space before them, came with 1.30 and 1.31',
    steps: { '1.27-1.29': ['nodes/drain refuses'], '1.30': ['nodes/drain refuses'] },
  },
];
