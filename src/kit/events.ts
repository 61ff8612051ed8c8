import type { LogFields } from './log.ts'

/** What long work tells while it goes on. Consumers draw it, log it or count it; producers know none of them. */
export type Progress =
  /** A piece of work begins; totals where they are known. */
  | { readonly kind: 'begin'; readonly task: string; readonly items?: number | undefined; readonly bytes?: number | undefined }
  /** More is done: increments, never totals. */
  | { readonly kind: 'advance'; readonly task: string; readonly items?: number | undefined; readonly bytes?: number | undefined }
  | { readonly kind: 'end'; readonly task: string }
  /** A sentence for people: a retry, a fallback that was taken, a thing that was left out. Logs name it by its event, where it has one. */
  | {
      readonly kind: 'note'
      readonly level: 'info' | 'warning'
      readonly text: string
      readonly event?: string | undefined
      /** What logs have beside it. */
      readonly fields?: LogFields | undefined
    }

/** Is told how work goes on. What it throws ends that work. */
export type Report = (event: Progress) => void

/** Tells nobody. */
export const silent: Report = () => undefined
