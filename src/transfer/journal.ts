import path from 'node:path'
import { type Digest, type Disk, errno, readSmallFile } from '../kit/index.ts'

export const dataName = 'data'
export const journalName = 'journal'

/** What an earlier process left behind. */
export interface Found {
  readonly rangeBytes: number
  readonly finished: ReadonlySet<number>
  /** Bytes that the disk holds already. */
  readonly held: number
}

interface Wanted {
  readonly size: number
  readonly digest: Digest
  readonly disk: Disk
}

/** A journal: what is being fetched in a first line, then the number of each range whose bytes are durable, a line each. */
export function journalText(wanted: Wanted, rangeBytes: number, finished: Iterable<number>): string {
  const head = JSON.stringify({ format: 'holdfast-part/1', digest: wanted.digest, size: wanted.size, rangeBytes })
  return [head, ...finished].map((line) => `${line}\n`).join('')
}

/** What the folder holds of the bytes that are wanted; undefined where it is of others, or not to be trusted. */
export async function readJournal(wanted: Wanted, folder: string): Promise<Found | undefined> {
  const data = await lookAt(wanted.disk, path.join(folder, dataName))
  // A second name would mean that the bytes are visible somewhere already: they are not written to any more.
  if (data === undefined || !data.isFile() || data.nlink !== 1 || !isOwn(data)) return undefined
  const text = await readSmallFile(path.join(folder, journalName))
  if (text === undefined) return undefined
  // A line without its end was cut off by a crash.
  const [head = '', ...lines] = text.split('\n').slice(0, -1)
  const rangeBytes = Number(/"rangeBytes":([1-9][0-9]{0,14})\}$/.exec(head)?.[1])
  if (`${head}\n` !== journalText(wanted, rangeBytes, [])) return undefined
  const finished = new Set<number>()
  for (const line of lines) {
    const range = /^[0-9]{1,15}$/.test(line) ? Number(line) : Infinity
    const end = Math.min((range + 1) * rangeBytes, wanted.size)
    if (range * rangeBytes >= Math.max(wanted.size, 1) || end > data.size) return undefined
    finished.add(range)
  }
  return { rangeBytes, finished, held: Math.min(data.blocks * 512, wanted.size) }
}

type Stats = Exclude<Awaited<ReturnType<Disk['lstat']>>, { size: bigint }>

/** The file itself, links not followed; undefined where there is none. */
export async function lookAt(disk: Disk, file: string): Promise<Stats | undefined> {
  try {
    return await disk.lstat(file)
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined
    throw error
  }
}

/** In a folder that others can write to, what they planted is not used. */
export function isOwn(stats: { readonly uid: number }): boolean {
  return process.geteuid === undefined || stats.uid === process.geteuid()
}
