import * as v from 'valibot'
import type { Shape } from '../../kit/index.ts'

/**
 * An object whose keys are anybody's names, such as a project that is called `constructor`: the library's own `record` drops that
 * one. What it gives has no prototype, so that looking up a name never finds what every object inherits.
 */
export function mapShape<T>(member: Shape<T>): Shape<Record<string, T>> {
  return v.pipe(
    v.custom<Record<string, unknown>>(
      (value) => value !== null && typeof value === 'object' && !Array.isArray(value),
      'an object is expected',
    ),
    v.rawTransform(({ dataset: { value }, addIssue, NEVER }) => {
      const result: Record<string, T> = Object.create(null) as Record<string, T>
      for (const [key, item] of Object.entries(value)) {
        const checked = v.safeParse(member, item)
        if (!checked.success) {
          const [issue] = checked.issues
          addIssue({ message: `${key}: ${v.getDotPath(issue) ?? ''} ${issue.message}` })
          return NEVER
        }
        result[key] = checked.output
      }
      return result
    }),
  ) as unknown as Shape<Record<string, T>>
}
