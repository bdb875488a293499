import { z } from 'zod';
import { QUANTITY_PATTERN } from '../../base/index.ts';
import { DURATION_PATTERN } from '../units.ts';

/** RFC 1123 label: what a name of ours, a namespace and most names in Kubernetes may be. */
export const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
export const LABEL_KEY = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
export const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** Where an agent keeps its key and what it remembers: no stack may write there. */
export const AGENT_NAMESPACE = 'ldc-system';

export const nameText = (what: string) =>
  z
    .string()
    .max(63, 'must be at most 63 characters')
    .regex(DNS_LABEL, 'must consist of a-z, 0-9 and "-", and start and end with a letter or digit')
    .describe(what);

/** The name of most kinds in Kubernetes: an RFC 1123 subdomain. */
export const objectName = (what: string) =>
  z
    .string()
    .max(253, 'must be at most 253 characters')
    .regex(
      /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
      'must consist of a-z, 0-9, "-" and ".", and each part start and end with a letter or digit',
    )
    .describe(what);

export const duration = z
  .string()
  .regex(DURATION_PATTERN, 'must be a duration such as 30s, 10m or 1h30m')
  .describe('a duration such as 250ms, 30s, 10m, 1h30m or 30d');

export const cpuOrMemory = z
  .union([
    z.string().regex(QUANTITY_PATTERN, 'must be a Kubernetes quantity such as 500m, 2 or 512Mi'),
    z.number().min(0),
  ])
  .transform(String)
  .describe('a Kubernetes quantity such as 500m, 2 or 512Mi');

export const labels = z
  .record(
    z.string().regex(LABEL_KEY, 'must be a label key such as tier or example.com/tier'),
    z.string().regex(LABEL_VALUE, 'must be a label value: at most 63 of A-Z, a-z, 0-9, "-", "_", "."'),
  )
  .describe('labels, as in Kubernetes');

/** A label of clusters that names a failure domain; `cluster` is the cluster itself. */
export const domain = z
  .string()
  .regex(LABEL_KEY, 'must be cluster, region, zone, provider or another label key of clusters')
  .describe('a failure domain: cluster, region, zone, provider or another label key of clusters');

const matchExpression = z.strictObject({
  key: z.string().regex(LABEL_KEY, 'must be a label key').describe('the label key'),
  operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']).describe('as in Kubernetes label selectors'),
  values: z.array(z.string()).default([]).describe('for In and NotIn: at least one value'),
});

const selectorFields = {
  matchLabels: labels.prefault({}).describe('all of these labels'),
  matchExpressions: z.array(matchExpression).default([]).describe('and all of these expressions'),
};

/** A label selector; empty matches every cluster. */
export const labelSelector = z.strictObject(selectorFields);

export const clusterSelector = z.strictObject({
  ...selectorFields,
  cel: z.string().min(1).optional().describe('and this CEL expression over `cluster` (name, labels, cost) is true'),
});

export const residency = z
  .record(z.string().regex(LABEL_KEY, 'must be a label key of clusters'), z.array(z.string()).min(1))
  .describe('where it may be at all: for each label key the allowed values; a cluster without the label is refused');

export const manifests = z
  .array(z.string().min(1, 'must name a file, folder or glob'))
  .min(1, 'needs at least one file, folder or glob')
  .describe('files, folders (their *.yaml, *.yml and *.json) and globs, relative to the stack file');
