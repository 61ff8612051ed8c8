import * as v from 'valibot'
import { type Clock, parseJson } from '../../kit/index.ts'
import type { Change, FailedUnit, HeldChange, TargetState, Telling } from '../change.ts'
import { states } from '../execution.ts'
import type { Queue } from '../queue.ts'
import type { Database, Row } from './database.ts'
import { maybeNumber, maybeText, numberOf, textOf } from './rows.ts'

const units = v.array(
  v.object({
    id: v.number(),
    words: v.array(v.string()),
    state: v.picklist(states),
    attempt: v.number(),
    exit: v.optional(v.number()),
    code: v.optional(v.string()),
    message: v.optional(v.string()),
  }),
)

/** Changes of jobs, and how far each target was told of them: the id of the last one that is behind it. */
export function changes(database: Database, clock: Clock): Pick<Queue, 'holdChange' | 'endTelling' | 'targets'> {
  const { prefix, query } = database
  return {
    async holdChange(target, hold) {
      const [row] = await query(
        `select target.name as target, change.* from ${prefix}targets as target left join ${prefix}changes as change
           on target.due <= $2 and change.id = (select min(id) from ${prefix}changes where id > target.told)
         where target.name = $1`,
        [target, clock.now()],
      )
      if (row === undefined) await introduce(database, target)
      if (row === undefined || row['id'] === null) return undefined
      const change = changeFrom(row)
      const [held] = await query(
        `update ${prefix}targets set attempts = attempts + 1, due = $4 where name = $1 and told < $2 and due <= $3 returning attempts`,
        [target, change.id, clock.now(), clock.now() + hold],
      )
      return held === undefined ? undefined : { change, attempt: numberOf(held, 'attempts') }
    },
    endTelling: (target, held, telling) => endTelling(database, clock, target, held, telling),
    async targets() {
      const rows = await query(
        `select target.*, (select count(*) from ${prefix}changes where id > told) as waiting from ${prefix}targets as target order by name`,
      )
      return rows.map(targetFrom)
    },
  }
}

/** It hears of what comes from now on. */
async function introduce({ prefix, query }: Database, target: string): Promise<void> {
  await query(
    `insert into ${prefix}targets (name, told) values ($1, (select coalesce(max(id), 0) from ${prefix}changes)) on conflict (name) do nothing`,
    [target],
  )
}

async function endTelling(
  { prefix, query }: Database,
  clock: Clock,
  target: string,
  { change, attempt }: HeldChange,
  telling: Telling,
): Promise<void> {
  const now = clock.now()
  const behind = `update ${prefix}targets set told = $2, attempts = 0, due = 0`
  if (telling.kind === 'told')
    await query(`${behind}, message = null, succeeded = $3 where name = $1 and told < $2`, [target, change.id, now])
  else if (telling.kind === 'passed') await query(`${behind} where name = $1 and told < $2`, [target, change.id])
  else if (telling.kind === 'given-up')
    await query(`${behind}, message = $3, given_up = given_up + 1 where name = $1 and told < $2`, [target, change.id, telling.message])
  else {
    // Whoever took it since then holds it.
    const [due, message] = telling.kind === 'again' ? [now + telling.wait, telling.message] : [0, null]
    await query(
      `update ${prefix}targets set due = $4, message = coalesce($5, message), attempts = attempts - $6
       where name = $1 and told < $2 and attempts = $3`,
      [target, change.id, attempt, due, message, telling.kind === 'again' ? 0 : 1],
    )
  }
}

function changeFrom(row: Row): Change {
  const id = numberOf(row, 'id')
  return {
    id,
    job: textOf(row, 'job'),
    firing: numberOf(row, 'firing'),
    kind: row['kind'] === 'recovery' ? 'recovery' : 'failure',
    at: numberOf(row, 'at'),
    exit: numberOf(row, 'exit'),
    since: numberOf(row, 'since'),
    previous: maybeNumber(row, 'previous'),
    failures: numberOf(row, 'failures'),
    failed: numberOf(row, 'failed'),
    units: parseJson(units, textOf(row, 'units'), `change ${id}`) as readonly FailedUnit[],
  }
}

function targetFrom(row: Row): TargetState {
  return {
    name: textOf(row, 'name'),
    waiting: numberOf(row, 'waiting'),
    attempts: numberOf(row, 'attempts'),
    due: numberOf(row, 'due'),
    message: maybeText(row, 'message'),
    succeeded: maybeNumber(row, 'succeeded'),
    givenUp: numberOf(row, 'given_up'),
  }
}
