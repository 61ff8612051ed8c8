import { useAnswer } from '../../api/answer.ts'
import type { Answers } from '../../api/answers.ts'
import { Ago, Badge, Digest, Size } from '../../parts/facts.tsx'
import { Page, Section } from '../../parts/page.tsx'
import { Empty, Shown } from '../../parts/states.tsx'
import { type Column, Table } from '../../parts/table.tsx'
import { countText } from '../../parts/words.ts'
import { hrefTo } from '../../shell/place.ts'

type Product = Answers['getProduct']
type Variant = Product['variants'][number]

export function Releases() {
  const answer = useAnswer('listProducts', '/releases')
  return (
    <Page title="Releases">
      <Shown of={answer}>
        {({ products }) =>
          products.length === 0 ? (
            <Empty command={'[release.NAME]\nartifact = "out/library.a"\nvariants = { "1.0" = {} }'}>
              No product is configured. Add one to holdfast.toml.
            </Empty>
          ) : (
            products.map((product) => (
              <Section
                key={product.product}
                title={product.product}
                aside={<a href={hrefTo(['releases', product.product])}>History and archives</a>}
              >
                <Variants product={product} />
              </Section>
            ))
          )
        }
      </Shown>
    </Page>
  )
}

/** The channels of a product, a row for each variant. */
function Variants({ product: { product, variantLabel, published, variants } }: { readonly product: Product }) {
  if (variants.length === 0) return <Empty command={`holdfast release create ${product}`}>Nothing was released yet.</Empty>
  const of = (variant: string, channel: string) => hrefTo(['releases', product, variant, channel])
  const columns: Column<Variant>[] = [
    {
      title: variantLabel,
      cell: ({ variant }) => (
        <a href={hrefTo(['releases', product], { variant })} data-row="">
          <strong>{variant}</strong>
        </a>
      ),
    },
    { title: 'stable', cell: ({ variant, stable }) => <Digest digest={stable?.id} href={of(variant, 'stable')} /> },
    { title: 'last-stable', cell: ({ variant, lastStable }) => <Digest digest={lastStable?.id} href={of(variant, 'last-stable')} /> },
    {
      title: 'Other channels',
      cell: ({ variant, others }) =>
        others.length === 0 ? (
          <span class="faint">–</span>
        ) : (
          others
            .flatMap(({ channels }) => channels)
            .map((channel) => (
              <a key={channel} href={of(variant, channel)} class="chip">
                {channel}
              </a>
            ))
        ),
    },
    {
      title: 'Archives',
      isNumber: true,
      cell: ({ variant, archives }) => <a href={hrefTo(['releases', product], { variant })}>{countText(archives)}</a>,
    },
    { title: 'Size', isNumber: true, cell: ({ size }) => <Size bytes={size} /> },
    { title: 'Last move', cell: ({ lastMove }) => <LastMove move={lastMove} /> },
  ]
  const withPublished: Column<Variant> = {
    title: 'Published',
    cell: ({ publishedInLine }) =>
      publishedInLine === undefined ? (
        <span class="faint">–</span>
      ) : publishedInLine ? (
        <Badge tone="good">in line</Badge>
      ) : (
        <Badge tone="warn">behind</Badge>
      ),
  }
  return (
    <Table
      label={`Variants of ${product}`}
      columns={published ? [...columns, withPublished] : columns}
      rows={variants}
      keyOf={({ variant }) => variant}
    />
  )
}

function LastMove({ move }: { readonly move: Variant['lastMove'] }) {
  if (move === undefined) return <span class="faint">never</span>
  return (
    <span title={`by ${move.by}${move.message === undefined ? '' : `: ${move.message}`}`}>
      {move.action}, <Ago at={move.at} />
    </span>
  )
}
