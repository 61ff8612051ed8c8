import type { ChunkReader } from '../../chunks/index.ts'
import { type Digest, Fault } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import type { Content, Part } from '../tree/entry.ts'
import { partsOf } from '../tree/split.ts'
import type { Member } from './members.ts'

export type ContentSource = Pick<ChunkReader, 'read' | 'readMany'>

/** Bytes, or zeros that nobody stored. */
export type Piece = Uint8Array | { readonly hole: number }

export interface ReadMember extends Member {
  /** Of files that are no links: all of it in order, verified. To be read to its end, once, before the next member is asked for. */
  readonly pieces: AsyncIterable<Piece>
}

/** What is asked for in one go, so that small files are read together. */
const windowBytes = 64 << 20
const windowMembers = 4096

/** Members with their content. What it holds does not grow with the tree, nor with a file. */
export async function* withContent(source: ContentSource, members: AsyncIterable<Member>, options: Signal): AsyncGenerator<ReadMember> {
  let window: Member[] = []
  let bytes = 0
  for await (const member of members) {
    const content = contentOfMember(member)
    if (content?.list !== undefined) {
      yield* readWindow(source, window, options)
      window = []
      bytes = 0
      yield { ...member, pieces: readLong(source, content, options) }
      continue
    }
    window.push(member)
    bytes += content?.size ?? 0
    if (bytes < windowBytes && window.length < windowMembers) continue
    yield* readWindow(source, window, options)
    window = []
    bytes = 0
  }
  yield* readWindow(source, window, options)
}

/** What is stored with a member: the content of a file that is no link to another. */
export function contentOfMember({ entry, linkTo }: Member): Content | undefined {
  return 'content' in entry && linkTo === undefined ? entry.content : undefined
}

async function* readLong(source: ContentSource, content: Content, options: Signal): AsyncGenerator<Piece> {
  for await (const parts of partsOf(source, content, options)) {
    const found = source.readMany(idsOf(parts), options)[Symbol.asyncIterator]()
    try {
      yield* piecesOf(parts, found)
    } finally {
      await found.return?.()
    }
  }
}

async function* readWindow(source: ContentSource, window: readonly Member[], options: Signal): AsyncGenerator<ReadMember> {
  const partsIn = (member: Member) => contentOfMember(member)?.parts ?? []
  const found = source.readMany(idsIn(window, partsIn), options)[Symbol.asyncIterator]()
  try {
    for (const member of window) yield { ...member, pieces: piecesOf(partsIn(member), found) }
  } finally {
    await found.return?.()
  }
}

type Found = AsyncIterator<{ readonly id: Digest; readonly bytes: Uint8Array }>

async function* piecesOf(parts: readonly Part[], found: Found): AsyncGenerator<Piece> {
  for (const { id, length } of parts) {
    if (id === undefined) {
      yield { hole: length }
      continue
    }
    const next = await found.next()
    if (next.done === true || next.value.id !== id) throw new Fault('bug', 'the content of an archive was read out of turn')
    const { bytes } = next.value
    if (bytes.byteLength !== length) throw new Fault('corrupt', `a chunk has not the ${length} bytes that it should have`, { at: id })
    yield bytes
  }
}

function* idsIn(window: readonly Member[], partsIn: (member: Member) => readonly Part[]): Generator<Digest> {
  for (const member of window) yield* idsOf(partsIn(member))
}

function* idsOf(parts: readonly Part[]): Generator<Digest> {
  for (const { id } of parts) if (id !== undefined) yield id
}
