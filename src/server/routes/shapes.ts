import * as v from 'valibot'

/** What API documents are made of. */
export const digest = v.pipe(v.string(), v.regex(/^sha256:[0-9a-f]{64}$/), v.description('SHA-256, as sha256:<hex>.'))
export const time = v.pipe(v.string(), v.isoTimestamp(), v.description('ISO 8601, UTC.'))
export const count = v.pipe(v.number(), v.integer(), v.minValue(0))
export const bytes = v.pipe(v.number(), v.integer(), v.minValue(0), v.description('Bytes.'))

/** A name as the configuration has them. */
export const name = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/))
export const channel = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9_-]{0,39}$/), v.description('A channel, such as stable or last-stable.'))
/** Any short text. */
export const text = v.pipe(v.string(), v.minLength(1), v.maxLength(500))
/** A part of an index: `v2/gfx94X-dcgpu`. */
export const prefix = v.pipe(v.string(), v.regex(/^[^\s/]+(\/[^\s/]+)*$/), v.maxLength(300))

/** A whole number as a query has it. */
export function whole(least: number, most: number) {
  return v.pipe(
    v.string(),
    v.regex(/^\d{1,9}$/, 'a whole number is expected'),
    v.transform(Number),
    v.number(),
    v.integer(),
    v.minValue(least),
    v.maxValue(most),
  )
}

/** For lists of any length: so many at once, after the place that the list before ended at. */
export const paging = {
  limit: v.optional(v.pipe(whole(1, 1000), v.description('Entries at most; 100 unless told.'))),
  after: v.optional(v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]{1,1000}$/), v.description('What `next` of the list before said.'))),
}

export function pageOf<T extends v.GenericSchema>(item: T) {
  return {
    items: v.array(item),
    total: v.pipe(count, v.description('Entries of the whole list.')),
    next: v.optional(v.pipe(v.string(), v.description('Where the list goes on, for `after`; absent at its end.'))),
  }
}

/** Who moved a name, when and why. */
export const move = v.object({
  generation: count,
  at: time,
  by: v.string(),
  action: v.string(),
  message: v.optional(v.string()),
})
