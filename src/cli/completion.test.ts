import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { fakeTerminal } from '../../test/fakes/terminal.ts'
import { runCli } from './program.ts'

async function scriptFor(shell: string): Promise<string> {
  const terminal = fakeTerminal()
  assert.equal(await runCli(['completion', shell], terminal.host), 0)
  return terminal.out()
}

const bashScript = await scriptFor('bash')

/** What a real bash offers when Tab is pressed at the end of the words. */
function offered(...words: string[]): string[] {
  const ask = `
    ${bashScript}
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    _holdfast
    printf '%s\\n' "\${COMPREPLY[@]}"`
  return execFileSync('bash', ['-c', ask, 'bash', ...words], { encoding: 'utf8' })
    .split('\n')
    .filter((line) => line !== '')
}

test('bash completes commands', () => {
  assert.deepEqual(offered('holdfast', 'compl'), ['completion'])
  assert.ok(offered('holdfast', '').includes('completion'))
})

test('bash completes the words that an argument may be', () => {
  assert.deepEqual(offered('holdfast', 'completion', ''), ['bash', 'zsh', 'fish'])
  assert.deepEqual(offered('holdfast', '--store', 'completion', 'completion', 'f'), ['fish'])
})

test('bash completes options, global ones included', () => {
  assert.deepEqual(offered('holdfast', 'completion', '--js'), ['--json'])
  assert.ok(offered('holdfast', '-').includes('--version'))
})

test('after an option that takes a value, nothing is guessed', () => {
  assert.deepEqual(offered('holdfast', 'completion', '--store', ''), [])
})

test('the scripts of zsh and fish know every command', async () => {
  assert.match(await scriptFor('zsh'), /^#compdef holdfast\n[^]*_holdfast_completion\(\)/)
  assert.match(await scriptFor('fish'), /complete -c holdfast -n '__holdfast_at' -f -a 'completion'/)
})
