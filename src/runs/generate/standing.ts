import { statSync } from 'node:fs'
import path from 'node:path'
import { isFault, readSmallFile } from '../../kit/index.ts'
import { cacheFile, logFile, packFile, rootFile, stateFile } from '../format/place.ts'
import { parseRoot, type Root } from '../format/root.ts'
import { loadMemory, type Memory } from './cache.ts'
import { type Catalogue, createCatalogue } from './catalogue.ts'
import { isLogWhole } from './page-log.ts'
import { proveLeft } from './prove.ts'

/** What the last generation left. */
export interface Standing {
  readonly root: Root | undefined
  readonly memory: Memory | undefined
  readonly known: Catalogue
  /** Pages and packs are those that are remembered; else all of them are written again. */
  readonly isWhole: boolean
  /** Why they are not, where that is no loss of what is remembered but damage. */
  readonly damage: string | undefined
  /** Whether something was read to see whether it is whole, which is then to be remembered. */
  readonly isRead: boolean
  /** When the log and all packs were last proven, in milliseconds since 1970. */
  readonly proven: number
  /** The highest revision that was ever given out here, as far as anything tells. */
  readonly revision: number
}

/**
 * Reads what stands in the folder of manifests. What is damaged counts as lost; what cannot be read throws. What was written to since the
 * last generation is proven, all of it once a day and with `prove`; else it is only looked at from outside.
 */
export async function readStanding(folder: string, { prove, now }: { readonly prove: boolean; readonly now: number }): Promise<Standing> {
  const root = await readRoot(path.join(folder, rootFile))
  const memory = loadMemory(path.join(folder, cacheFile))
  const check = root === undefined || memory === undefined ? lost : checkThose(folder, root, memory, { prove, now })
  const known = memory?.catalogue ?? createCatalogue()
  if (!check.isWhole) {
    known.files.columns.packed.fill(0)
    known.runs.columns.record.fill(0)
  }
  const revision = Math.max(root?.revision ?? 0, memory?.facts.revision ?? 0, await readLastRevision(path.join(folder, stateFile)))
  return { root, memory, known, revision, proven: now, ...check }
}

type Check = Pick<Standing, 'isWhole' | 'damage' | 'isRead'> & Partial<Pick<Standing, 'proven'>>

/** Nothing is known of what stands there: it is all written now. */
const lost: Check = { isWhole: false, damage: undefined, isRead: false }

function checkThose(folder: string, root: Root, { facts }: Memory, { prove, now }: { prove: boolean; now: number }): Check {
  if (facts.revision !== root.revision || facts.log !== root.log.name) return lost
  const damage = seenFromOutside(folder, root, facts)
  if (damage !== undefined) return { ...lost, damage }
  const proof = proveLeft(folder, root, facts, { all: prove, now })
  return proof.damage === undefined
    ? { isWhole: true, damage: undefined, isRead: proof.isRead, proven: proof.at }
    : { ...lost, damage: proof.damage }
}

function seenFromOutside(folder: string, root: Root, { packs }: Memory['facts']): string | undefined {
  const log = path.join(folder, logFile(root.log.name))
  if (!isLogWhole(log, root.log.length)) return `${log} is not what was left there`
  const files = packs.map(({ name, size }) => ({ size, file: path.join(folder, packFile(name)) }))
  const wrong = files.find(({ file, size }) => statSync(file, { throwIfNoEntry: false })?.size !== size)
  return wrong === undefined ? undefined : `${wrong.file} is not what was left there`
}

async function readRoot(file: string): Promise<Root | undefined> {
  const text = await readSmallFile(file)
  if (text === undefined) return undefined
  try {
    return parseRoot(Buffer.from(text), file)
  } catch (error) {
    if (isFault(error, 'corrupt')) return undefined
    throw error
  }
}

/** 0 where the state is not there, or is none. */
async function readLastRevision(file: string): Promise<number> {
  try {
    const state: unknown = JSON.parse((await readSmallFile(file)) ?? '{}')
    const revision = typeof state === 'object' && state !== null && 'last_revision' in state ? state.last_revision : 0
    return Number.isSafeInteger(revision) ? Math.max(0, revision as number) : 0
  } catch (error) {
    if (error instanceof SyntaxError) return 0
    throw error
  }
}
