import { Fault } from '../kit/index.ts'
import type { WorkflowInput } from './settings.ts'

/** GitHub starts no workflow with more (REST API, "Create a workflow dispatch event"). */
const mostInputs = 25
const longestValue = 65_535

/**
 * What a workflow is started with: every value checked by what its input takes, and other spellings replaced by the workflow's own. An input that nobody describes is sent as it is; those that
 * are not given are left to the workflow. Throws `invalid`.
 */
export function buildInputs(inputs: readonly WorkflowInput[], given: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(given)
  if (entries.length > mostInputs) {
    throw new Fault('invalid', `${entries.length} inputs are more than the ${mostInputs} that GitHub takes`)
  }
  return Object.fromEntries(entries.map(([name, value]) => [name, checkedValue(name, value, inputs)]))
}

function checkedValue(name: string, value: string, inputs: readonly WorkflowInput[]): string {
  const input = inputs.find((one) => one.name === name)
  const refuse = (says: string, hint?: string) => new Fault('invalid', `${name}: ${says}`, { hint })
  if (/\p{Cc}/u.test(value)) throw refuse('a value has no control characters')
  if (value.length > longestValue) throw refuse(`a value has at most ${longestValue} characters`)
  if (input === undefined) return value
  if (value.trim() === '') throw refuse('the value is empty', 'leave it out, and the workflow takes its own')
  if (input.kind === 'flag' && !['true', 'false'].includes(value)) throw refuse(`${JSON.stringify(value)} is neither true nor false`)
  if (input.kind === 'commit' && isShortSha(value)) {
    throw refuse(`${value} is a short SHA, which may not resolve where the workflow runs`, shaHint(value))
  }
  const meant = Object.hasOwn(input.spellings, value) ? input.spellings[value]! : value
  if (input.options.length > 0 && !input.options.includes(meant)) {
    throw refuse(
      `${JSON.stringify(value)} is none of its values`,
      `one of ${[...input.options, ...Object.keys(input.spellings)].join(', ')}`,
    )
  }
  return meant
}

/** Git abbreviates a commit to seven digits and more. */
function isShortSha(value: string): boolean {
  return /^[0-9a-f]{7,39}$/i.test(value)
}

function shaHint(value: string): string {
  return `write all 40 digits (\`git rev-parse ${value}\`), or a branch; if a branch is really called so: refs/heads/${value}`
}
