import { constants, createZstdCompress } from 'node:zlib'
import type { ChunkReader } from '../../chunks/index.ts'
import { type Report } from '../../kit/index.ts'
import type { SnapshotContext } from '../context.ts'
import type { SnapshotSummary } from '../record/line.ts'
import type { ByteText } from '../tree/name.ts'
import { lookUp, type Placed } from '../tree/walk.ts'
import { type Piece, type ReadMember, withContent } from './content.ts'
import { countLosses, type Loss, type Losses } from './losses.ts'
import { type Member, membersWithLinks, membersWithoutLinks } from './members.ts'
import { type ExportTarget, writeOut, writeOutFile } from './output.ts'
import { makeSquashfs, probeSquashfs, squashfsMembers } from './squashfs.ts'
import { gathered, through } from './stream.ts'
import { tarOf } from './tar.ts'
import { zipOf } from './zip.ts'

export const exportFormats = ['tar', 'tar.zst', 'zip', 'squashfs'] as const
export type ExportFormat = (typeof exportFormats)[number]

export interface ExportOptions {
  readonly snapshot: Pick<SnapshotSummary, 'root' | 'created' | 'size'>
  /** Below the root of the snapshot; nothing for all of it. A directory there is the archive's root; anything else is all that it has. */
  readonly path: ByteText
  readonly format: ExportFormat
  readonly to: ExportTarget
}

export interface Exported {
  /** Of the archive. */
  readonly bytes: number
  readonly members: number
  /** What the format could not hold. */
  readonly losses: readonly Loss[]
}

/**
 * A snapshot, or a part of it, as an archive: the same bytes each time (with the same compressor), every byte of content verified. A file appears when
 * it is whole. Throws `unsupported` where the format needs a program that is not there.
 */
export async function exportSnapshot(context: ExportContext, options: ExportOptions): Promise<Exported> {
  const { report, signal } = context
  const { snapshot, format, to } = options
  if (format === 'squashfs') await probeSquashfs(signal)
  const chunks = await context.chunks()
  const from = await lookUp(chunks, snapshot.root, options.path, context)
  const losses = countLosses()
  const exporting: Exporting = { chunks, from, losses, report, signal, members: 0 }
  report({ kind: 'begin', task: 'export', bytes: from.path === '' ? snapshot.size : undefined })
  const bytes = await write(exporting, snapshot, format, to)
  report({ kind: 'end', task: 'export' })
  return { bytes, members: exporting.members, losses: losses.list() }
}

export type ExportContext = Pick<SnapshotContext, 'report' | 'signal'> & { chunks(): Promise<ExportSource> }
type ExportSource = Pick<ChunkReader, 'read' | 'readMany'>

interface Exporting {
  readonly chunks: ExportSource
  readonly from: Placed
  readonly losses: Losses
  readonly report: Report
  readonly signal: AbortSignal | undefined
  members: number
}

async function write(exporting: Exporting, { created }: { created: string }, format: ExportFormat, to: ExportTarget): Promise<number> {
  const { signal } = exporting
  switch (format) {
    case 'tar':
      return await writeOut(gathered(tar(exporting)), to, signal)
    case 'tar.zst':
      return await writeOut(through(gathered(tar(exporting)), createZstdCompress({ params: zstdParameters })), to, signal)
    case 'zip':
      return await writeOut(gathered(zip(exporting)), to, signal)
    case 'squashfs': {
      const { entry } = exporting.from
      const root = entry.kind === 'directory' ? entry : { mode: 0o755, uid: 0, gid: 0 }
      const made = Math.min(0xffff_ffff, Math.max(0, Math.floor(Date.parse(created) / 1000)))
      const change = (members: AsyncIterable<Member>) => squashfsMembers(members, made, exporting.losses)
      // The program takes sparse files of some archives for damage (4.5.1), and finds zeros itself.
      const image = gathered(tar(exporting, { change, fillsHoles: true }))
      return await writeOutFile((file) => makeSquashfs(image, file, { root, made, signal }), to, signal)
    }
  }
}

const zstdParameters = { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_checksumFlag]: 1 }

interface TarForm {
  readonly change?: (members: AsyncIterable<Member>) => AsyncIterable<Member>
  readonly fillsHoles?: boolean
}

function tar(exporting: Exporting, { change = (members) => members, fillsHoles }: TarForm = {}): AsyncGenerator<Uint8Array> {
  const { chunks, from, signal } = exporting
  return tarOf(chunks, read(exporting, change(membersWithLinks(chunks, from, { signal })())), { fillsHoles, signal })
}

function zip(exporting: Exporting): AsyncGenerator<Uint8Array> {
  const { chunks, from, losses, signal } = exporting
  return zipOf(membersWithoutLinks(chunks, from, { signal }), (members) => read(exporting, members), losses)
}

async function* read(exporting: Exporting, members: AsyncIterable<Member>): AsyncGenerator<ReadMember> {
  const { chunks, signal, report } = exporting
  for await (const member of withContent(chunks, members, { signal })) {
    yield { ...member, pieces: told(member.pieces, report) }
    exporting.members++
    report({ kind: 'advance', task: 'export', items: 1 })
  }
}

async function* told(pieces: AsyncIterable<Piece>, report: Report): AsyncGenerator<Piece> {
  for await (const piece of pieces) {
    yield piece
    report({ kind: 'advance', task: 'export', bytes: piece instanceof Uint8Array ? piece.byteLength : piece.hole })
  }
}
