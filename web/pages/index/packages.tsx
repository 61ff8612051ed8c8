import { useState } from 'preact/hooks'
import { useAnswer, usePages } from '../../api/answer.ts'
import type { Answers } from '../../api/answers.ts'
import { at } from '../../api/client.ts'
import { Badge, Size } from '../../parts/facts.tsx'
import { Page } from '../../parts/page.tsx'
import { Empty } from '../../parts/states.tsx'
import { type Column, PagedTable } from '../../parts/table.tsx'
import { countText } from '../../parts/words.ts'
import { Action } from '../../shell/action.tsx'
import { hrefTo, place, setQuery } from '../../shell/place.ts'

/** Milliseconds after the last letter. */
const patience = 250

export function Packages({ environment }: { readonly environment: string }) {
  const { prefix = '', q, refused } = Object.fromEntries(place.value.query)
  const pages = usePages('listPackages', `${at('index', environment)}/packages`, { prefix, q, refused })
  const known = useAnswer('getIndexEnvironment', at('index', environment)).data
  const url = known === undefined ? undefined : `${location.origin}${known.mount}${prefix}/`
  return (
    <Page
      title={prefix}
      trail={[['Index', hrefTo(['index'])]]}
      actions={<Actions environment={environment} prefix={prefix} prefixes={known?.prefixes ?? []} />}
    >
      {url !== undefined && (
        <p class="faint filters">
          <code>pip install --index-url {url} PACKAGE</code>
        </p>
      )}
      <Filter q={q} isRefused={refused !== undefined} />
      <PagedTable
        label={`Packages of ${prefix}`}
        pages={pages}
        keyOf={({ name }) => name}
        empty={
          refused !== undefined ? (
            <Empty>Every file that is in the bucket is published.</Empty>
          ) : q === undefined ? (
            <Empty command="holdfast index publish all">No package is published here.</Empty>
          ) : (
            <Empty>No package has {q} in its name.</Empty>
          )
        }
        columns={columnsOf(environment, prefix)}
      />
    </Page>
  )
}

interface ActionsProps {
  readonly environment: string
  readonly prefix: string
  /** All of the environment. */
  readonly prefixes: readonly string[]
}

function Actions({ environment, prefix, prefixes }: ActionsProps) {
  const of = environment === 'default' ? {} : { environment }
  const other = prefixes.find((each) => each !== prefix)
  return (
    <>
      <a class="button" href={hrefTo(['index', environment, 'generations'], { prefix })}>
        Generations
      </a>
      <Action
        label="Promote from"
        title={`Promote from another index into ${prefix}`}
        name="index-promote"
        scope="index:promote"
        body={{ ...of, to: prefix, from: other ?? prefix }}
        fields={[
          { name: 'from', label: 'From the index', value: other ?? '' },
          { name: 'message', label: 'Why, for the history' },
        ]}
      />
      <Action
        label="Roll back"
        title={`Roll back ${prefix}`}
        name="index-rollback"
        scope="index:rollback"
        body={{ ...of, prefix }}
        isGrave
      />
    </>
  )
}

function Filter({ q, isRefused }: { readonly q: string | undefined; readonly isRefused: boolean }) {
  const [waiting, setWaiting] = useState<ReturnType<typeof setTimeout>>()
  return (
    <div class="filters">
      <input
        class="filter"
        type="search"
        aria-label="Packages that have this in their name"
        placeholder="Name"
        defaultValue={q ?? ''}
        onInput={({ currentTarget: { value } }) => {
          clearTimeout(waiting)
          setWaiting(setTimeout(() => setQuery({ q: value.trim() }), patience))
        }}
      />
      <button type="button" aria-pressed={isRefused} onClick={() => setQuery({ refused: isRefused ? undefined : 'true' })}>
        Only with refused files
      </button>
    </div>
  )
}

function columnsOf(environment: string, prefix: string): Column<Answers['listPackages']['items'][number]>[] {
  return [
    {
      title: 'Package',
      isWide: true,
      cell: ({ name }) => (
        <a href={hrefTo(['index', environment, 'package'], { prefix, name })} data-row="">
          {name}
        </a>
      ),
    },
    {
      title: 'Files',
      isNumber: true,
      cell: ({ name, files }) => <a href={hrefTo(['index', environment, 'package'], { prefix, name })}>{countText(files)}</a>,
    },
    { title: 'Size', isNumber: true, cell: ({ bytes }) => <Size bytes={bytes} /> },
    {
      title: 'Refused',
      isNumber: true,
      cell: ({ name, refused: count }) =>
        count === 0 ? (
          <span class="faint">–</span>
        ) : (
          <a href={hrefTo(['index', environment, 'package'], { prefix, name })}>
            <Badge tone="warn">{countText(count)}</Badge>
          </a>
        ),
    },
  ]
}
