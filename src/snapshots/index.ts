/**
 * Directory trees in a store: created, listed, compared, restored, checked and copied.
 *
 * Promises: the same tree has the same root; a restore writes nothing outside of its target; a tree that is being restored
 * in place is old, new, or marked and made new by the next restore.
 * Never does: change the tree that it makes a snapshot of.
 */
export type { Entry, EntryKind } from './tree/entry.ts'
