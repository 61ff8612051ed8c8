import { type AST, ParseError, parseTOML } from 'toml-eslint-parser'
import { Fault } from '../kit/index.ts'
import { formatPath, type Path } from './keys.ts'

export type Tree = { [key: string]: unknown }

export interface Position {
  /** From 1. */
  readonly line: number
  readonly column: number
}

/** A key, and what stands behind it. */
export interface Written {
  readonly key: Position
  readonly value: Position
}

/** What a file says, and where: positions by the path's text (`formatPath`). */
export interface Document {
  readonly tree: Tree
  readonly positions: ReadonlyMap<string, Written>
}

/** Reads TOML 1.0. A syntax error is `invalid` with file, line and column. */
export function parseDocument(source: string, file: string): Document {
  const positions = new Map<string, Written>()
  const tree: Tree = {}
  const [top] = parseSource(source, file).body
  for (const node of top.body) {
    if (node.type === 'TOMLKeyValue') addPair(tree, [], node, positions, file)
    else {
      const path = node.resolvedKey
      rememberWay(positions, path, { key: positionOf(node.key), value: positionOf(node.key) }, file)
      const table = tableAt(tree, path)
      for (const pair of node.body) addPair(table, path, pair, positions, file)
    }
  }
  return { tree, positions }
}

function parseSource(source: string, file: string): AST.TOMLProgram {
  try {
    return parseTOML(source, { tomlVersion: '1.0' })
  } catch (error) {
    if (!(error instanceof ParseError)) throw error
    // A value that ends too early is noticed only at the start of the next line.
    const isLate = error.column === 0 && /unspecified values|same line/i.test(error.message)
    const line = isLate ? error.lineNumber - 1 : error.lineNumber
    const column = isLate ? source.split('\n')[line - 1]!.length : error.column
    const place = `${file}:${line}:${column + 1}`
    const says = error.message.charAt(0).toLowerCase() + error.message.slice(1)
    throw new Fault('invalid', `${place}: not valid TOML: ${says}`, { at: file, hint: 'mend that line; text values stand in quotes' })
  }
}

function addPair(table: Tree, above: Path, pair: AST.TOMLKeyValue, positions: Map<string, Written>, file: string): void {
  const names = pair.key.keys.map(nameOf)
  const path = [...above, ...names]
  rememberWay(positions, path, { key: positionOf(pair), value: positionOf(pair.value) }, file)
  const holder = tableAt(table, names.slice(0, -1))
  holder[names.at(-1)!] = valueOf(pair.value, path, positions, file)
}

function valueOf(node: AST.TOMLContentNode, path: Path, positions: Map<string, Written>, file: string): unknown {
  if (node.type === 'TOMLValue') return node.value
  if (node.type === 'TOMLArray') {
    return node.elements.map((element, index) => {
      positions.set(formatPath([...path, index]), { key: positionOf(element), value: positionOf(element) })
      return valueOf(element, [...path, index], positions, file)
    })
  }
  const table: Tree = {}
  for (const pair of node.body) addPair(table, path, pair, positions, file)
  return table
}

/** The table at a path, made on the way where it is missing. A number is a place in a list of tables. */
function tableAt(tree: Tree, path: Path): Tree {
  let here: unknown = tree
  path.forEach((part, index) => {
    const holder = here as Record<string | number, unknown>
    holder[part] ??= typeof path[index + 1] === 'number' ? [] : {}
    here = holder[part]
  })
  return here as Tree
}

/** Remembers the first place where each step of the path is named. */
function rememberWay(positions: Map<string, Written>, path: Path, position: Written, file: string): void {
  path.forEach((part, index) => {
    // Names that every JavaScript object has would be taken for keys that are there.
    if (typeof part === 'string' && (part in {} || part === 'prototype')) {
      throw new Fault(
        'invalid',
        `${file}:${position.key.line}:${position.key.column}: ${formatPath(path)}: ${part} cannot be a name here`,
        { at: file },
      )
    }
    const text = formatPath(path.slice(0, index + 1))
    if (!positions.has(text)) positions.set(text, position)
  })
}

function nameOf(key: AST.TOMLBare | AST.TOMLQuoted): string {
  return key.type === 'TOMLBare' ? key.name : key.value
}

function positionOf(node: AST.TOMLNode): Position {
  return { line: node.loc.start.line, column: node.loc.start.column + 1 }
}
