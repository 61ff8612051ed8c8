import { statSync } from 'node:fs'
import path from 'node:path'
import { isFault, readSmallFile } from '../../kit/index.ts'
import { cacheFile, logFile, packFile, rootFile, stateFile } from '../format/place.ts'
import { parseRoot, type Root } from '../format/root.ts'
import { loadMemory, type Memory } from './cache.ts'
import { type Catalogue, createCatalogue } from './catalogue.ts'
import { isLogProven, isLogWhole } from './page-log.ts'

/** What the last generation left. */
export interface Standing {
  readonly root: Root | undefined
  readonly memory: Memory | undefined
  readonly known: Catalogue
  /** Pages and packs are those that are remembered; else all of them are written again. */
  readonly isWhole: boolean
  /** The highest revision that was ever given out here, as far as anything tells. */
  readonly revision: number
}

/**
 * Reads what stands in the folder of manifests. What is damaged counts as lost; what cannot be read throws. With `prove` every page is
 * read, and not only looked at from outside.
 */
export async function readStanding(folder: string, { prove }: { readonly prove: boolean }): Promise<Standing> {
  const root = await readRoot(path.join(folder, rootFile))
  const memory = loadMemory(path.join(folder, cacheFile))
  const isWhole =
    root !== undefined && memory !== undefined && areThoseRemembered(folder, root, memory) && (!prove || isProven(folder, root))
  const known = memory?.catalogue ?? createCatalogue()
  if (!isWhole) {
    known.files.columns.packed.fill(0)
    known.runs.columns.record.fill(0)
  }
  const revision = Math.max(root?.revision ?? 0, memory?.facts.revision ?? 0, await readLastRevision(path.join(folder, stateFile)))
  return { root, memory, known, isWhole, revision }
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

function areThoseRemembered(folder: string, root: Root, { facts }: Memory): boolean {
  if (facts.revision !== root.revision || facts.log !== root.log.name) return false
  if (!isLogWhole(path.join(folder, logFile(root.log.name)), root.log.length)) return false
  return facts.packs.every(({ name, size }) => statSync(path.join(folder, packFile(name)), { throwIfNoEntry: false })?.size === size)
}

function isProven(folder: string, { log }: Root): boolean {
  return isLogProven(path.join(folder, logFile(log.name)), log.length)
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
