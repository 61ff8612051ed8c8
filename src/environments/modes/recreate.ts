import { lstat, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { type Clock, diskFault, errno, Fault, makeDirectories } from '../../kit/index.ts'
import { copyTree } from '../copy-tree.ts'
import { digestTree } from '../digest.ts'
import { runLine } from '../hooks.ts'
import type { Mode, Place } from '../mode.ts'
import { layoutOf } from '../names.ts'

export interface RecreateNeeds {
  readonly environment: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
}

/** Keeps a marker only. A restore runs the configured clean-up command, and leaves what is to be preserved as it was. */
export function createRecreateMode(needs: RecreateNeeds): Mode {
  return {
    name: 'recreate',
    swaps: false,
    createsBesideWriters: true,
    async check({ settings }) {
      commandOf(settings.cleanup, needs.environment)
      settings.preserve.forEach(checkPreserved)
    },
    create: async () => ({ stored: 0 }),
    async restore(place, name) {
      const command = commandOf(place.settings.cleanup, needs.environment)
      const kept = await keepAside(place)
      const moment = {
        hook: 'cleanup',
        environment: needs.environment,
        path: place.live,
        snapshot: name,
        snapshotsDir: place.snapshotsDir,
        mode: 'recreate',
      } as const
      await runLine(command, { ...moment, signal: place.signal }, { ...needs, lock: place.lock })
      for (const each of kept) await putBack(place, each)
      await rm(layoutOf(place.snapshotsDir).preserved, { recursive: true, force: true })
      return { written: 0 }
    },
    async open(_place, name) {
      throw new Fault('unsupported', `the snapshot ${name} is a marker only: the mode recreate keeps no files`, {
        hint: 'choose another mode, such as mode = "auto"',
      })
    },
    delete: async () => undefined,
    recover: async () => ({ notes: [] }),
    inUse: async () => false,
    mounts: async () => [],
    detach: async () => undefined,
  }
}

function commandOf(command: string | undefined, environment: string): string {
  if (command !== undefined && command.trim() !== '') return command
  throw new Fault('invalid', `the mode recreate needs a clean-up command, and ${environment} has none`, {
    hint: 'set `cleanup` to the command that cleans the environment',
  })
}

function checkPreserved(relative: string): void {
  const names = relative.split('/')
  const isInside =
    relative !== '' &&
    !path.isAbsolute(relative) &&
    !names.some((name) => name === '..' || name === '.' || name === '') &&
    !relative.includes('\0')
  if (!isInside)
    throw new Fault('invalid', `not a path below the live directory: ${JSON.stringify(relative)}`, {
      hint: 'write `preserve` as plain relative paths, such as certs',
    })
}

interface Preserved {
  readonly relative: string
  readonly copy: string
}

/** Copies what is to be preserved. Copies that stand already are those of a restore that did not end, and are the ones that count. */
async function keepAside(place: Place): Promise<Preserved[]> {
  const { preserve } = place.settings
  preserve.forEach(checkPreserved)
  const layout = layoutOf(place.snapshotsDir)
  if (preserve.length > 0 && !(await exists(layout.preserved))) {
    const aside = layout.build('preserved')
    await rm(aside, { recursive: true, force: true })
    for (const relative of preserve) {
      const from = path.join(place.live, relative)
      if (!(await exists(from))) {
        place.report({ kind: 'note', level: 'warning', text: `there is nothing to preserve at ${relative}` })
        continue
      }
      const copy = path.join(aside, relative)
      await makeDirectories(path.dirname(copy))
      if (!(await exists(copy))) await copyTree(from, copy, 'copy', place.signal, place.lock)
    }
    await makeDirectories(aside)
    await rename(aside, layout.preserved)
  }
  const all = preserve.map((relative) => ({ relative, copy: path.join(layout.preserved, relative) }))
  const kept: Preserved[] = []
  for (const each of all) if (await exists(each.copy)) kept.push(each)
  return kept
}

async function putBack(place: Place, { relative, copy }: Preserved): Promise<void> {
  const target = path.join(place.live, relative)
  if ((await exists(target)) && (await digestTree(target, { content: true })) === (await digestTree(copy, { content: true }))) return
  await rm(target, { recursive: true, force: true })
  await makeDirectories(path.dirname(target))
  await copyTree(copy, target, 'copy', place.signal, place.lock)
}

async function exists(place: string): Promise<boolean> {
  try {
    await lstat(place)
    return true
  } catch (error) {
    if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return false
    throw diskFault(error, place, 'look for it')
  }
}
