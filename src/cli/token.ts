import type { Command } from 'commander'
import { Fault, parseDuration } from '../kit/index.ts'
import { isScope, scopes, type ServerState, type Token } from '../server/index.ts'
import { type Call, type Cli, parsedOption } from './command.ts'
import type { Outcome } from './output.ts'
import { openState } from './serve/state.ts'
import { type Column, renderTable } from './table.ts'
import { isoTime, timeText } from './words.ts'

interface CreateFlags {
  readonly scope: readonly string[]
  /** Milliseconds; infinite: never. */
  readonly expires: number
}

/** `holdfast token …`: who may change something through the server. */
export function addTokenCommands(token: Command, cli: Cli): void {
  addCreateCommand(token, cli)
  addListCommand(token, cli)
  addRevokeCommand(token, cli)
  addAuditCommand(token, cli)
}

function addCreateCommand(token: Command, cli: Cli): void {
  cli.add<CreateFlags>(token, {
    name: 'create',
    summary: 'Make a token, and show its secret this once',
    more: `Scopes: ${Object.entries(scopes)
      .map(([scope, meaning]) => `${scope} (${meaning})`)
      .join(', ')}; release:* is all of a group, * is all.`,
    args: [['<name>', 'what people call it, such as ci']],
    options: [
      parsedOption('--scope <scopes>', 'what it allows, with commas', parseScopes).makeOptionMandatory(),
      parsedOption('--expires <duration>', 'how long it is good, such as 12h; or never', parseExpiry).default(30 * 86_400_000, '30d'),
    ],
    examples: [
      ['holdfast token create ci --scope release:promote --expires 90d', 'for a pipeline'],
      ['holdfast token create ann --scope "release:*,job:run"', 'for a person'],
    ],
    run: async (call) =>
      await withState(call, async (state, by) => {
        const name = nameFrom(call.args[0])
        const { scope, expires } = call.options
        const until = expires === Infinity ? undefined : call.host.clock.now() + expires
        const { token: made, secret } = state.tokens.create({ name, scopes: scope, by, expires: until })
        logIn(state, 'token create', by, made)
        const life = until === undefined ? 'it never expires' : `good until ${timeText(new Date(until).toISOString())}`
        const text = `token ${made.id} (${name}): ${scope.join(', ')}; ${life}. It is not shown again; send it as: Authorization: Bearer …`
        call.report({ kind: 'note', level: 'info', text })
        // Alone, so that a script can take it.
        return { result: { ...toJson(made), secret }, text: secret }
      }),
  })
}

function addListCommand(token: Command, cli: Cli): void {
  cli.add(token, {
    name: 'list',
    summary: 'List tokens, newest first: what they allow, until when, and when they were used last',
    examples: [['holdfast token list', 'without their secrets, which nobody has but their holders']],
    run: async (call) =>
      await withState(call, async (state) => {
        const tokens = state.tokens.list()
        return { result: { tokens: tokens.map(toJson) }, text: listText(call, tokens) }
      }),
  })
}

function addRevokeCommand(token: Command, cli: Cli): void {
  cli.add(token, {
    name: 'revoke',
    summary: 'Make a token good for nothing, from now on',
    args: [['<id>', 'the id of the token']],
    examples: [['holdfast token revoke 4f2a91c07b1e', 'who holds it is refused from the next request on']],
    run: async (call) =>
      await withState(call, async (state, by) => {
        const revoked = state.tokens.revoke(call.args[0] ?? '')
        logIn(state, 'token revoke', by, revoked)
        return { result: toJson(revoked), text: `revoked ${revoked.id} (${revoked.name})` }
      }),
  })
}

function addAuditCommand(token: Command, cli: Cli): void {
  cli.add<{ readonly limit: number }>(token, {
    name: 'audit',
    summary: 'Show the audit log of the server, newest first, and whether it is whole',
    options: [parsedOption('--limit <count>', 'entries at most', parseLimit).default(50)],
    examples: [['holdfast token audit --json', 'for a script']],
    run: async (call) =>
      await withState(call, async (state) => {
        const broken = state.audit.verify()
        const entries = state.audit.read({ limit: call.options.limit })
        const lines = entries.map(
          ({ at, kind, action, by, from, message }) =>
            `${timeText(at)}  ${kind.padEnd(6)}  ${action}  ${by}${from === '' ? '' : ` from ${from}`}${message === undefined ? '' : `: ${message}`}`,
        )
        const verdict = broken === undefined ? 'the log is whole' : `entry ${broken} does not fit to those before it: the log was changed`
        return { result: { entries, broken }, text: [...lines, verdict].join('\n'), differs: broken !== undefined }
      }),
  })
}

async function withState(call: Call<object>, work: (state: ServerState, by: string) => Promise<Outcome>): Promise<Outcome> {
  const { by } = await call.wire()
  const state = await openState(call)
  try {
    return await work(state, by)
  } finally {
    state.close()
  }
}

function logIn(state: ServerState, action: string, by: string, { id, name, scopes: allowed }: Token): void {
  state.audit.append({ request: '', kind: 'done', action, by, from: '', what: { id, name, scopes: allowed } })
}

function toJson({ created, expires, revoked, used, ...rest }: Token): Record<string, unknown> {
  return { ...rest, created: isoTime(created), expires: isoTime(expires), revoked: isoTime(revoked), used: isoTime(used) }
}

function listText(call: Call<object>, tokens: readonly Token[]): string {
  if (tokens.length === 0) return 'there are no tokens; make one: holdfast token create NAME --scope SCOPE'
  const now = call.host.clock.now()
  const columns: Column<Token>[] = [
    { header: 'ID', cell: ({ id }) => id, paint: call.paint.cyan },
    { header: 'NAME', cell: ({ name }) => name, min: 6 },
    { header: 'SCOPES', cell: ({ scopes: allowed }) => allowed.join(','), min: 12, priority: 4 },
    { header: 'STATE', cell: (token) => stateOf(token, now), priority: 5 },
    { header: 'USED', cell: ({ used }) => (used === undefined ? 'never' : timeText(isoTime(used)!)), priority: 2 },
    { header: 'BY', cell: ({ by }) => by, min: 8, priority: 1 },
  ]
  return renderTable(columns, tokens, { width: call.width, paintHeader: call.paint.bold })
}

function stateOf({ revoked, expires }: Token, now: number): string {
  if (revoked !== undefined) return 'revoked'
  if (expires === undefined) return 'never expires'
  return expires <= now ? 'expired' : `until ${timeText(isoTime(expires)!)}`
}

function nameFrom(text: string | undefined): string {
  if (text !== undefined && /^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$/.test(text)) return text
  throw new Fault('invalid', `not a name of a token: ${JSON.stringify(text)}`, {
    hint: 'use letters, digits, dots, dashes, @ and underscores',
  })
}

function parseScopes(text: string): readonly string[] {
  const names = [...new Set(text.split(',').map((each) => each.trim()))]
  const groups = new Set(Object.keys(scopes).map((scope) => `${scope.split(':')[0]}:*`))
  const strange = names.find((each) => each !== '*' && !isScope(each) && !groups.has(each))
  if (strange === undefined) return names
  throw new Fault('invalid', `there is no scope ${JSON.stringify(strange)}`, { hint: `choose of: ${Object.keys(scopes).join(', ')}` })
}

function parseExpiry(text: string): number {
  return text === 'never' ? Infinity : parseDuration(text)
}

function parseLimit(text: string): number {
  const limit = Number(text)
  if (/^\d{1,6}$/.test(text) && limit > 0) return limit
  throw new Fault('invalid', `not a number of entries: ${JSON.stringify(text)}`)
}
