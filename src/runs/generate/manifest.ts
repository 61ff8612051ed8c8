import { closeSync, lstatSync, openSync, readSync } from 'node:fs'
import { errno } from '../../kit/index.ts'
import { runFolder } from '../format/place.ts'
import { type Catalogue, detailOfRun, extraOfFile, filesOfRun, keyOfRun } from './catalogue.ts'
import { isAppendOnly, isListed, priorityOf } from '../format/kinds.ts'

/** Which runs a manifest 1.0 has: all, or those that changed lately. */
export const ManifestType = { FULL: 'full', ACTIVE: 'active' } as const
export type ManifestType = (typeof ManifestType)[keyof typeof ManifestType]

/** A manifest of the format 1.0. Times are in seconds since 1970. */
export interface Manifest {
  readonly formatVersion: '1.0'
  readonly manifestType: ManifestType
  readonly revision: number
  readonly snapshotId: string
  readonly generatedAt: number
  readonly serverHostname: string
  readonly remoteRoot: string
  readonly totalExperiments: number
  readonly totalFiles: number
  readonly totalBytes: number
  /** Made as they are asked for. */
  readonly experiments: Iterable<ManifestExperiment>
}

/** An experiment as it is written. */
export interface ManifestExperiment {
  readonly run_id: string
  readonly project: string
  readonly name: string
  readonly status: string
  readonly created_at: number
  readonly updated_at: number
  readonly tags: readonly string[] | null
  readonly files: readonly ManifestFile[]
}

export interface ManifestFile {
  /** Relative to the root of the runs. */
  readonly path: string
  readonly size: number
  readonly mtime: number
  /** 1 metadata, 2 essential; left out if 0. */
  readonly priority?: number
  readonly is_append_only?: true
  /** MD5 of the last bytes, at most 4,096, of an append-only file that has any. */
  readonly tail_hash?: string
}

/** What is remembered of a manifest that was written. */
export interface WrittenManifest {
  readonly type: ManifestType
  readonly path: string
  /** Digest of the pages that it was made from. */
  readonly basis: string
  readonly revision: number
  readonly snapshotId: string
  readonly generatedAt: number
  readonly serverHostname: string
  readonly remoteRoot: string
  readonly experiments: number
  readonly files: number
  readonly bytes: number
}

export const compressedPath = (file: string): string => `${file}.gz`

export function manifestOf(catalogue: Catalogue, runs: Iterable<number>, written: WrittenManifest): Manifest {
  return {
    formatVersion: '1.0',
    manifestType: written.type,
    revision: written.revision,
    snapshotId: written.snapshotId,
    generatedAt: written.generatedAt,
    serverHostname: written.serverHostname,
    remoteRoot: written.remoteRoot,
    totalExperiments: written.experiments,
    totalFiles: written.files,
    totalBytes: written.bytes,
    experiments: {
      *[Symbol.iterator]() {
        for (const run of runs) yield experimentOf(catalogue, run)
      },
    },
  }
}

function experimentOf(catalogue: Catalogue, run: number): ManifestExperiment {
  const key = keyOfRun(catalogue, run)
  const { status, tags } = detailOfRun(catalogue, run)
  const { created, newest } = catalogue.runs.columns
  return {
    run_id: key.runId,
    project: key.project,
    name: key.name,
    status,
    created_at: created[run]!,
    updated_at: newest[run]! / 1000,
    tags,
    files: [...listedFiles(catalogue, run)].map((file) => fileOf(catalogue, runFolder(key), file)),
  }
}

function* listedFiles(catalogue: Catalogue, run: number): Iterable<number> {
  const { path: paths } = catalogue.files.columns
  const [start, end] = filesOfRun(catalogue, run)
  for (let file = start; file < end; file++) if (isListed(catalogue.texts.at(paths[file]!))) yield file
}

function fileOf(catalogue: Catalogue, folder: string, file: number): ManifestFile {
  const { path: paths, size, mtime } = catalogue.files.columns
  const name = catalogue.texts.at(paths[file]!)
  const priority = priorityOf(name)
  const { tail } = extraOfFile(catalogue, file)
  return {
    path: `${folder}/${name}`,
    size: size[file]!,
    mtime: mtime[file]! / 1000,
    ...(priority === 0 ? {} : { priority }),
    ...(isAppendOnly(name) ? { is_append_only: true } : {}),
    ...(tail === undefined ? {} : { tail_hash: tail }),
  }
}

/** How many files of how many bytes a manifest of these runs lists. */
export function countListed(catalogue: Catalogue, runs: Iterable<number>): { experiments: number; files: number; bytes: number } {
  const { size } = catalogue.files.columns
  const counted = { experiments: 0, files: 0, bytes: 0 }
  for (const run of runs) {
    counted.experiments++
    for (const file of listedFiles(catalogue, run)) {
      counted.files++
      counted.bytes += size[file]!
    }
  }
  return counted
}

/** Whether a manifest that is remembered is the one that stands there, with its compressed form beside it. */
export function isWritten({ path, snapshotId }: WrittenManifest): boolean {
  try {
    return headOf(path).includes(`"snapshot_id":"${snapshotId}"`) && lstatSync(compressedPath(path)).isFile()
  } catch (error) {
    if (errno(error) === 'ENOENT') return false
    throw error
  }
}

function headOf(file: string): string {
  const fd = openSync(file, 'r')
  try {
    const head = Buffer.alloc(512)
    return head.toString('utf8', 0, readSync(fd, head, 0, head.byteLength, 0))
  } finally {
    closeSync(fd)
  }
}
