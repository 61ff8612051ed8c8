import type { Digest } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import type { ByteText } from './name.ts'

/** What every entry of a directory has. */
export interface EntryFacts {
  readonly name: ByteText
  /** Permission bits with setuid, setgid and sticky: 0 to 0o7777. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** The owner's names where they were known; restored by name where the name is known there. */
  readonly user: string
  readonly group: string
  /** Nanoseconds since 1970, UTC. */
  readonly mtimeNs: bigint
  /** In ascending order of name; undefined where they could not be asked for, which is not the same as none. */
  readonly xattrs: readonly Xattr[] | undefined
}

export interface Xattr {
  readonly name: ByteText
  readonly value: Uint8Array
}

/** A stretch of a file: a chunk, or a hole, which has no bytes in the store. */
export interface Part {
  readonly length: number
  readonly id: Digest | undefined
}

/** What is in a file: its parts in order, here or, where they are many, in a list node of their own. */
export interface Content {
  readonly size: number
  readonly parts: readonly Part[] | undefined
  readonly list: Digest | undefined
}

export type Entry = EntryFacts &
  (
    | { readonly kind: 'file'; readonly content: Content }
    /** Another name of the file that `target`, a path from the snapshot's root, was the first name of. It has the content too, so that it can be read alone. */
    | { readonly kind: 'hardlink'; readonly content: Content; readonly target: ByteText }
    | { readonly kind: 'directory'; readonly node: Digest }
    | { readonly kind: 'symlink'; readonly target: ByteText }
    | { readonly kind: 'fifo' }
    | { readonly kind: 'character-device' | 'block-device'; readonly major: number; readonly minor: number }
  )

export type EntryKind = Entry['kind']

/** Anything that gives the bytes of a node or chunk by its digest. */
export interface NodeSource {
  read(id: Digest, options?: Signal): Promise<Uint8Array>
}

/** Anything that takes a node and gives its digest. */
export interface NodeSink {
  addBytes(bytes: Uint8Array, kind: 'chunk' | 'node'): Promise<Digest>
}
