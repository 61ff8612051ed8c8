import { type Digest, Fault, isFault } from '../../../kit/index.ts'
import { openReader, readAll } from '../../../store/index.ts'
import { createLogReader } from '../../format/log.ts'
import { maxRootBytes } from '../../format/limits.ts'
import { logFile, rootFile } from '../../format/place.ts'
import { parseRoot, type Root } from '../../format/root.ts'
import type { State } from '../state/state.ts'
import { readAhead } from './read-ahead.ts'
import { manifestKey, type Source } from './source.ts'

/** Begins to read the root, which the first `readRoot` gives: meanwhile a connection is made, and what is here is looked at. */
export function beginRoot(source: Source): void {
  source.begun = readNow(source)
  // Told to whoever asks for it.
  source.begun.catch(() => undefined)
}

/** The root as it is now. Throws `not-found` where no pages are written there. */
export async function readRoot(source: Source): Promise<Root> {
  const begun = source.begun
  source.begun = undefined
  return await (begun ?? readNow(source))
}

async function readNow({ store, signal }: Source): Promise<Root> {
  const key = manifestKey(rootFile)
  const { bytes } = await readAll(store, key, { limit: maxRootBytes, signal })
  return parseRoot(bytes, `${store.name}/${key}`)
}

/** How often a root is read anew whose log is replaced meanwhile. */
const rootReadings = 4

/**
 * Brings every page that the root reaches: those that were added to the log since it was last read, or all of a log that is new here.
 * Gives the root that they are of, which may be a newer one.
 */
export async function bringPages(source: Source, state: State, first: Root): Promise<Root> {
  let root = first
  for (let attempt = 1; ; attempt++) {
    try {
      await readLog(source, state, root)
      return root
    } catch (error) {
      // A generator began a new log, and an hour later the old one went.
      if (!(isFault(error, 'not-found') || isFault(error, 'precondition')) || attempt === rootReadings) throw error
      const next = await readRoot(source)
      if (next.log.name === root.log.name && next.revision === root.revision) throw error
      root = next
    }
  }
}

/** Forgets where the log was read up to, so that the next time all of it is: for a page that should be here and is not. */
export async function bringAllPages(source: Source, state: State, root: Root): Promise<void> {
  state.pages.setLog(undefined)
  await readLog(source, state, root)
}

async function readLog(source: Source, state: State, { log }: Root): Promise<void> {
  const { store, signal } = source
  const kept = state.pages.log
  const start = kept?.name === log.name && kept.length <= log.length ? kept.length : 0
  if (start === log.length) return
  const key = manifestKey(logFile(log.name))
  const at = `${store.name}/${key}`
  const reader = await openReader(store, key, { mayGrow: true, signal })
  try {
    if (reader.info.size < log.length) {
      throw new Fault('corrupt', `the log of pages has ${reader.info.size} bytes, and its root says ${log.length}`, { at })
    }
    const records = createLogReader(at, start)
    for await (const piece of readAhead(reader, start, log.length)) {
      const found = records.push(piece)
      state.transaction(() => {
        for (const record of found) state.pages.put(record, at)
        state.pages.setLog({ name: log.name, length: records.position })
      })
    }
    records.end()
  } finally {
    await reader.close()
  }
}

/** A page that a root or another page names. */
export function pageAt(state: State, digest: Digest): Uint8Array {
  const plain = state.pages.read(digest)
  if (plain === undefined) throw new MissingPage(digest)
  return plain
}

/** A page that should have come with the log and did not. */
export class MissingPage extends Fault {
  constructor(digest: Digest) {
    super('corrupt', `the log of pages does not have the page ${digest}`, { hint: 'generate the manifest on the server again' })
  }
}
