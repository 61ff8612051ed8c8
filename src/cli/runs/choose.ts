import { realpathSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Option } from 'commander'
import { Fault } from '../../kit/index.ts'
import { type Selection, syncedFrom, type Way } from '../../runs/sync/index.ts'
import type { ObjectStore } from '../../store/index.ts'
import { parseStoreUrl } from '../../store/index.ts'
import type { Call } from '../command.ts'

/** What the commands on synced runs have in common. */
export interface FolderFlags {
  readonly to: string
}

export interface SelectionFlags {
  readonly active?: boolean
  readonly project?: string
  readonly status?: string
}

export interface WayFlags {
  /** False where it was forbidden. */
  readonly fallback: boolean
}

export const sourceArgument = ['[source]', 'where the runs are: sftp://user@host/path, s3://bucket/prefix or file:/folder'] as const

export function folderOption(): Option {
  return new Option('--to <dir>', 'the folder that runs are synced into').default('.', 'this folder')
}

export function selectionOptions(): Option[] {
  return [
    new Option('--active', 'only runs that changed lately'),
    new Option('--project <name>', 'only runs of this project'),
    new Option('--status <status>', 'only runs of this status, such as running'),
  ]
}

export function noFallbackOption(): Option {
  return new Option('--no-fallback', 'stop where there are no pages, in place of trying the manifest and then a walk over all files')
}

export function selectionFrom({ active, project, status }: SelectionFlags): Selection {
  return { active, project, status }
}

export function waysFrom({ fallback }: WayFlags): readonly Way[] | undefined {
  return fallback ? undefined : ['pages']
}

export interface ChosenSource {
  readonly source: ObjectStore
  /** Absolute: it means the same from every folder. */
  readonly url: string
  readonly folder: string
}

/** The source that is named, or the one that the folder was synced from. */
export async function chooseSource(call: Call<FolderFlags>, named: string | undefined): Promise<ChosenSource> {
  const folder = path.resolve(call.host.cwd, call.options.to)
  const url = named === undefined ? syncedFrom(folder) : absolute(named, call.host.cwd)
  if (url === undefined) {
    throw new Fault('invalid', `${folder} was not synced from anywhere yet, and no source is named`, {
      hint: 'name the source once: holdfast runs sync sftp://user@host/path --to DIR',
    })
  }
  return { source: await (await call.wire()).openTree(url), url, folder }
}

/** A source is never written to: neither is anything within it. */
export function refuseWithinSource({ url, folder }: Pick<ChosenSource, 'url' | 'folder'>): void {
  if (!url.startsWith('file:')) return
  const way = path.relative(realPath(fileURLToPath(url)), realPath(folder))
  if (way === '..' || way.startsWith(`..${path.sep}`)) return
  throw new Fault('invalid', `${folder} lies in the source of the runs`, { at: url, hint: 'name another folder with --to' })
}

/** Links resolved as far as anything is there. */
function realPath(place: string): string {
  try {
    return realpathSync(place)
  } catch {
    const parent = path.dirname(place)
    return parent === place ? place : path.join(realPath(parent), path.basename(place))
  }
}

function absolute(url: string, cwd: string): string {
  const place = parseStoreUrl(url, cwd)
  return place.scheme === 'file' ? pathToFileURL(place.root).href : url
}
