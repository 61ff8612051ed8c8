import type { Target, TargetState } from '../../daemon/index.ts'
import { formatDuration } from '../../kit/index.ts'
import type { Call } from '../command.ts'
import { type Column, renderTable } from '../table.ts'
import { printable } from '../width.ts'
import { ageText, countText, isoTime } from '../words.ts'

/** A target, and how far it was told. */
export interface ToldTarget {
  readonly target: Target
  /** Undefined until a daemon has seen it. */
  readonly state: TargetState | undefined
}

export function toldTargets(targets: readonly Target[], states: readonly TargetState[]): ToldTarget[] {
  return targets.map((target) => ({ target, state: states.find(({ name }) => name === target.name) }))
}

export function listText(targets: readonly ToldTarget[], { paint, width, host }: Call<object>): string {
  if (targets.length === 0) return 'nobody is told: write a [[notify]] into holdfast.toml'
  return renderTable(columns(host.clock.now()), targets, { width, paintHeader: paint.bold })
}

function columns(now: number): Column<ToldTarget>[] {
  return [
    { header: 'NAME', cell: ({ target }) => target.name, min: 8 },
    { header: 'WHERE', cell: ({ target }) => whereText(target), min: 12, priority: 2 },
    { header: 'JOBS', cell: ({ target }) => target.jobs?.join(', ') ?? 'all', priority: 3 },
    { header: 'OF', cell: ({ target }) => ofText(target), priority: 1 },
    {
      header: 'LAST',
      cell: ({ state }) => (state?.succeeded === undefined ? 'never' : `${ageText(now - state.succeeded)} ago`),
      priority: 5,
    },
    { header: 'STATE', cell: ({ state }) => stateText(state, now), min: 12, priority: 4 },
  ]
}

/** Of an address that is a secret, its variable. */
export function whereText({ way }: Target): string {
  if (way.kind === 'email') return way.mail.to.join(', ')
  return 'text' in way.url ? way.url.text : `$${way.url.variable}`
}

function ofText({ on, remind }: Target): string {
  return `${on.join(', ')}${remind === undefined ? '' : `, again each ${formatDuration(remind)}`}`
}

function stateText(state: TargetState | undefined, now: number): string {
  if (state === undefined) return 'waits for a daemon'
  const { attempts, message, givenUp, waiting } = state
  const lost = givenUp === 0 ? '' : `; ${countText(givenUp, 'change')} given up`
  if (attempts === 0) return `${waiting === 0 ? 'well' : `${waiting} to tell`}${lost}`
  return `${troubleText(state, now) ?? `is being told${message === undefined ? '' : ' again'}`}${lost}`
}

/** Why it cannot be told now, and when the next try is; undefined where nothing is known to be wrong. */
export function troubleText({ attempts, message, due }: TargetState, now: number): string | undefined {
  if (attempts === 0 || message === undefined) return undefined
  return `tried ${countText(attempts, 'time')}: ${message}; ${due > now ? `again in ${ageText(due - now)}` : 'the next try is due'}`
}

/** For those who look at jobs: only targets that cannot be told. */
export function troubleLines(targets: readonly ToldTarget[], now: number): string[] {
  return targets.flatMap(({ target, state }) => {
    const trouble = state === undefined ? undefined : troubleText(state, now)
    return trouble === undefined ? [] : [printable(`${target.name} cannot be told: ${trouble}`)]
  })
}

export function targetToJson({ target, state }: ToldTarget): Record<string, unknown> {
  const { name, jobs, on, remind, way } = target
  return {
    name,
    kind: way.kind,
    where: whereText(target),
    jobs,
    on,
    remind,
    waiting: state?.waiting ?? 0,
    attempts: state?.attempts ?? 0,
    next: state === undefined || state.attempts === 0 ? undefined : isoTime(state.due),
    message: state?.message,
    succeeded: isoTime(state?.succeeded),
    givenUp: state?.givenUp ?? 0,
  }
}
