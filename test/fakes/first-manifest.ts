import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import type { RunServer } from './run-server.ts'

/** A manifest of format 1.0 of what a server has, as Runicorn writes it; `change` may make it lie. */
export function writeManifest(
  server: RunServer,
  revision: number,
  options: {
    type?: 'full' | 'active'
    gzip?: boolean
    only?: (key: string) => boolean
    change?: (manifest: FirstManifest) => unknown
  } = {},
): void {
  const { type = 'full', gzip = true, only = () => true, change = (same) => same } = options
  const runs = new Map<string, FirstFile[]>()
  for (const key of server.keys().filter(only)) {
    const folder = key.split('/').slice(0, 4).join('/')
    runs.set(folder, [...(runs.get(folder) ?? []), fileOf(server, key)])
  }
  const manifest: FirstManifest = {
    format_version: '1.0',
    manifest_type: type,
    revision,
    snapshot_id: `550e8400-e29b-41d4-a716-${String(revision).padStart(12, '0')}`,
    generated_at: 1_704_067_200.5 + revision,
    server_hostname: 'ml-server-01',
    remote_root: server.root,
    experiments: [...runs].map(([folder, files]) => {
      const [project = '', name = '', , runId = ''] = folder.split('/')
      const status = files.find(({ path: file }) => file.endsWith('/status.json'))
      const told = status === undefined ? 'unknown' : (JSON.parse(server.read(status.path).toString()) as { status: string }).status
      return { run_id: runId, project, name, status: told, created_at: 1, updated_at: 2, tags: null, files }
    }),
    statistics: { total_experiments: runs.size, total_files: 0, total_bytes: 0 },
    generator_version: '1.0',
  }
  const text = JSON.stringify(change(manifest), undefined, 2)
  const file = path.join(server.root, '.runicorn', `${type}_manifest.json`)
  mkdirSync(path.dirname(file), { recursive: true })
  if (gzip) writeFileSync(`${file}.gz`, gzipSync(text))
  else writeFileSync(file, text)
}

export interface FirstManifest {
  format_version: string
  manifest_type: string
  revision: number
  snapshot_id: string
  generated_at: number
  server_hostname: string
  remote_root: string
  experiments: {
    run_id: string
    project: string
    name: string
    status: string
    created_at: number
    updated_at: number
    tags: null
    files: FirstFile[]
  }[]
  statistics: Record<string, number>
  generator_version: string
}

interface FirstFile {
  path: string
  size: number
  mtime: number
  priority?: number
  is_append_only?: boolean
  tail_hash?: string
}

function fileOf(server: RunServer, key: string): FirstFile {
  const content = readFileSync(path.join(server.root, key))
  const file: FirstFile = { path: key, size: content.byteLength, mtime: statSync(path.join(server.root, key)).mtimeMs / 1000 }
  if (/\/(meta|status|summary)\.json$/.test(key)) file.priority = 1
  if (/\/(events\.jsonl|logs\.txt)$/.test(key)) {
    file.is_append_only = true
    if (content.byteLength > 0) file.tail_hash = createHash('md5').update(content.subarray(-4096)).digest('hex')
  }
  return file
}
