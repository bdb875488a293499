/** One number with its labels. */
export interface Sample {
  readonly value: number;
  readonly labels: { readonly [name: string]: string | undefined };
}

export interface Metric {
  readonly name: string;
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Prometheus' text format, version 0.0.4. */
export function metricText(metrics: readonly Metric[]): string {
  return metrics.map(oneMetric).join('');
}

function oneMetric({ name, type, help, samples }: Metric): string {
  const lines = samples.map(({ value, labels }) => `${name}${labelText(labels)} ${value}\n`).sort();
  return `# HELP ${name} ${help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function labelText(labels: Sample['labels']): string {
  const pairs = Object.entries(labels).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}="${escaped(value)}"`],
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}
