import type { Report } from '../kit/index.ts'
import type { Created } from '../snapshots/index.ts'

/** What a snapshot in a store does not have of its tree. */
export async function tellLeftOut({ counts, omissions }: Pick<Created, 'counts' | 'omissions'>, report: Report): Promise<void> {
  const say = (text: string) => report({ kind: 'note', level: 'warning', text })
  if (counts.sockets > 0) say(`${counts.sockets} ${counts.sockets === 1 ? 'socket' : 'sockets'} left out: a store keeps none`)
  if (omissions.length === 0) return
  const { describeOmission } = await import('../snapshots/index.ts')
  for (const omission of omissions) say(describeOmission(omission, 'read'))
}
