/** Field errors as an API server words them. */
import type { Json } from '../../../base/index.ts';
import type { FieldError } from '../../types.ts';

/** A value as messages show it: compact JSON. */
export function shown(value: Json | undefined): string {
  return JSON.stringify(value ?? null);
}

/** Collects the errors of one object, in the order in which they are found. */
export class Report {
  readonly errors: FieldError[] = [];

  add(reason: string, field: string, message: string): void {
    this.errors.push({ reason, field, message });
  }

  invalid(field: string, value: Json | undefined, why: string): void {
    this.add('FieldValueInvalid', field, `Invalid value: ${shown(value)}: ${why}`);
  }

  required(field: string, why = ''): void {
    this.add('FieldValueRequired', field, why === '' ? 'Required value' : `Required value: ${why}`);
  }

  notSupported(field: string, value: Json | undefined, supported: readonly string[]): void {
    const list = supported.map((item) => JSON.stringify(item)).join(', ');
    this.add('FieldValueNotSupported', field, `Unsupported value: ${shown(value)}: supported values: ${list}`);
  }

  forbidden(field: string, why: string): void {
    this.add('FieldValueForbidden', field, `Forbidden: ${why}`);
  }

  duplicate(field: string, value: Json | undefined): void {
    this.add('FieldValueDuplicate', field, `Duplicate value: ${shown(value)}`);
  }

  notFound(field: string, value: Json | undefined): void {
    this.add('FieldValueNotFound', field, `Not found: ${shown(value)}`);
  }

  /** One error for each complaint about a value. */
  each(field: string, value: Json | undefined, complaints: readonly string[]): void {
    for (const complaint of complaints) this.invalid(field, value, complaint);
  }

  notNegative(field: string, value: Json | undefined): void {
    if (typeof value === 'number' && value < 0) this.invalid(field, value, 'must be greater than or equal to 0');
  }

  oneOf(field: string, value: Json | undefined, supported: readonly string[]): void {
    if (typeof value !== 'string' || !supported.includes(value)) this.notSupported(field, value, supported);
  }

  port(field: string, value: Json | undefined): void {
    if (typeof value !== 'number' || value < 1 || value > 65_535) {
      this.invalid(field, value, 'must be between 1 and 65535, inclusive');
    }
  }
}
