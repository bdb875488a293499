import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { isObject, type KubeObject } from '../../base/index.ts';
import type { Container, KeyToPath, Pod, Volume, VolumeSource } from '../kinds/index.ts';
import { type Account, ownFolder } from './account.ts';
import { fieldOf, type PodFacts, type References } from './environment.ts';

/** The files that one volume source stands for, by relative path. Pure. @throws Error naming what is missing. */
export function filesOf(
  source: VolumeSource,
  pod: Pod,
  references: References & { token?(): string | undefined },
  facts: PodFacts,
): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>();
  const { configMap, secret, downwardAPI, serviceAccountToken } = source;
  if (configMap) {
    const object = references.configMap(configMap.name ?? '');
    if (object === undefined && !configMap.optional) throw new Error(`configmap "${configMap.name}" not found`);
    collect(files, contents(object, 'data', 'utf8'), configMap.items);
    collect(files, contents(object, 'binaryData', 'base64'), configMap.items);
  }
  if (secret) {
    const name = secret.secretName ?? secret.name ?? '';
    const object = references.secret(name);
    if (object === undefined && !secret.optional) throw new Error(`secret "${name}" not found`);
    collect(files, contents(object, 'data', 'base64'), secret.items);
  }
  for (const { path, fieldRef } of downwardAPI?.items ?? []) {
    if (fieldRef) files.set(path, Buffer.from(fieldOf(pod, fieldRef.fieldPath, facts)));
  }
  const token = serviceAccountToken && references.token?.();
  if (serviceAccountToken && token !== undefined) files.set(serviceAccountToken.path, Buffer.from(token));
  return files;
}

function contents(
  object: KubeObject | undefined,
  field: string,
  encoding: BufferEncoding,
): ReadonlyMap<string, Buffer> {
  const data = object?.[field];
  return new Map(
    Object.entries(isObject(data) ? data : {}).map(([key, value]) => [key, Buffer.from(String(value), encoding)]),
  );
}

function collect(
  files: Map<string, Buffer>,
  values: ReadonlyMap<string, Buffer>,
  items: readonly KeyToPath[] | undefined,
) {
  const chosen = items?.map(({ key, path }) => [key, path]) ?? [...values.keys()].map((key) => [key, key]);
  for (const [key, path] of chosen) {
    const value = values.get(key as string);
    if (value !== undefined) files.set(path as string, value);
  }
}

/** Makes a pod's volumes as folders and answers them by volume name. @throws Error naming what is missing. */
export function makeVolumes(
  pod: Pod,
  folder: string,
  account: Account | undefined,
  references: References & { token?(): string | undefined; claim?(name: string): string | undefined },
  facts: PodFacts,
): ReadonlyMap<string, string> {
  const folders = new Map<string, string>();
  for (const volume of pod.spec.volumes ?? []) {
    const claim = volume.persistentVolumeClaim?.claimName;
    const path = claim === undefined ? join(folder, volume.name) : references.claim?.(claim);
    if (path === undefined) throw new Error(`persistentvolumeclaim "${claim}" not bound`);
    ownFolder(path, account);
    for (const source of sourcesOf(volume)) writeFiles(path, filesOf(source, pod, references, facts));
    folders.set(volume.name, path);
  }
  return folders;
}

function sourcesOf(volume: Volume): readonly VolumeSource[] {
  return volume.projected?.sources ?? [volume];
}

function writeFiles(folder: string, files: ReadonlyMap<string, Buffer>): void {
  for (const [path, value] of files) {
    const target = normalize(join(folder, path));
    if (!target.startsWith(`${folder}/`)) continue; // `..` in a key's path: a real API server refuses it
    mkdirSync(dirname(target), { recursive: true });
    rmSync(target, { force: true });
    writeFileSync(target, value);
    chmodSync(target, 0o644);
  }
}

/**
 * Containers are processes of this machine and see no mounts: a mount's path is replaced by its folder wherever it
 * stands in variables, command and arguments. Pure.
 */
export function mountRewriter(container: Container, folders: ReadonlyMap<string, string>): (text: string) => string {
  const mounts = [...(container.volumeMounts ?? [])]
    .sort((a, b) => b.mountPath.length - a.mountPath.length)
    .flatMap(({ name, mountPath, subPath = '' }) => {
      const folder = folders.get(name);
      const escaped = mountPath.replace(/\/+$/, '').replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      const pattern = new RegExp(`(^|[=:,;\\s"'])${escaped}(?=$|[/:,;\\s"'])`, 'g');
      return folder === undefined || escaped === '' ? [] : [{ pattern, target: join(folder, subPath) }];
    });
  return (text) =>
    mounts.reduce((result, { pattern, target }) => result.replace(pattern, (_, before) => before + target), text);
}
