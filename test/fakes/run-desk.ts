import { type Dirent, mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import assert from 'node:assert/strict'
import path from 'node:path'
import { type Progress, silent } from '../../src/kit/index.ts'
import { type SyncOptions, type SyncStats, syncRuns } from '../../src/runs/index.ts'
import { createFileStore, type ObjectStore } from '../../src/store/index.ts'
import { type ManualClock, manualClock } from './manual-clock.ts'
import { type RunServer, runServer } from './run-server.ts'

/** A server with runs, a folder to sync them into, and the notes that were made. */
export interface RunDesk {
  readonly server: RunServer
  readonly store: ObjectStore
  readonly folder: string
  readonly clock: ManualClock
  readonly notes: string[]
  sync(options?: Partial<SyncOptions>): Promise<SyncStats>
  local(key: string): string
  here(key: string): string
}

export function runDesk(scratch: string): RunDesk {
  const base = mkdtempSync(path.join(scratch, 'desk-'))
  const server = runServer(path.join(base, 'server'))
  const folder = path.join(base, 'here')
  const store = createFileStore({ root: server.root })
  const clock = manualClock()
  const notes: string[] = []
  const report = (event: Progress) => {
    if (event.kind === 'note') notes.push(event.text)
    else silent(event)
  }
  return {
    server,
    store,
    folder,
    clock,
    notes,
    sync: (options = {}) => syncRuns({ source: store, folder, clock, report, ...options }),
    local: (key) => readFileSync(path.join(folder, key), 'utf8'),
    here: (key) => path.join(folder, key),
  }
}

/** Runs of four files each; the folders they lie in. */
export function addRuns(server: RunServer, count: number, project = 'vision'): string[] {
  return Array.from({ length: count }, (_, index) => {
    const folder = `${project}/resnet/runs/2025010${index % 10}_${String(index).padStart(6, '0')}`
    server.write(`${folder}/meta.json`, JSON.stringify({ project, index }))
    server.write(`${folder}/status.json`, JSON.stringify({ status: index % 2 === 0 ? 'running' : 'finished' }))
    server.write(`${folder}/events.jsonl`, `{"step":0,"run":${index}}\n`)
    server.write(`${folder}/logs.txt`, 'started\n'.repeat(index + 1))
    return folder
  })
}

/** Whether the folder has the server's files, all and no other, byte for byte. */
export function assertSame({ server, folder }: Pick<RunDesk, 'server' | 'folder'>): void {
  const here = filesBelow(folder).filter((key) => !key.startsWith('.holdfast'))
  assert.deepEqual(here, server.keys())
  for (const key of here) assert.deepEqual(readFileSync(path.join(folder, key)), server.read(key), key)
}

export function filesBelow(folder: string, prefix = ''): string[] {
  const below = (entry: Dirent) => (entry.isDirectory() ? filesBelow(folder, `${prefix}${entry.name}/`) : [`${prefix}${entry.name}`])
  return readdirSync(path.join(folder, prefix), { withFileTypes: true }).flatMap(below).toSorted()
}
