// Reads { name: [Swift files of one module] } as JSON from stdin and prints { name: [problems] }: what does not parse, names that nothing
// declares, names that are declared twice, and calls whose labels no function of that name has. No compiler, but what it would say first.
// Run with `node --liftoff-only`: V8's optimising compiler runs out of memory over the grammar's tables.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Language, type Node, Parser } from 'web-tree-sitter'

/** Names of the standard library and of Apple's frameworks that the files may use. */
const known = new Set(
  `Array AutoTokenizer Bool Bundle CGBitmapInfo CGColorSpace CGContext CGImage CGImageAlphaInfo CGInterpolationQuality CGRect CVPixelBuffer
  CVPixelBufferCreate CVPixelBufferGetBaseAddress CVPixelBufferGetBytesPerRow CVPixelBufferLockBaseAddress CVPixelBufferUnlockBaseAddress
  Data Dictionary Double Error Float Float16 Int Int32 JSONDecoder MLDictionaryFeatureProvider MLFeatureProvider MLFeatureValue MLModel
  MLModelConfiguration MLModelMetadataKey MLMultiArray MLShapedArray MLShapedArrayScalar MLState Self Set String Tokenizer URL UInt32 UInt8 UnsafeMutableRawPointer exp
  kCFAllocatorDefault kCVPixelFormatType_32BGRA max min zip defer nil self`.split(/\s+/),
)

/** Members of Apple's types that extensions of ours use. */
const inherited: Readonly<Record<string, readonly string[]>> = { CGImage: ['width', 'height'] }

/** Labels of a function's parameters, and which of them a call may leave out. */
interface Signature {
  readonly labels: readonly string[]
  readonly optional: readonly boolean[]
}

const children = (node: Node): Node[] => node.namedChildren.filter(child => child !== null)
const all = (node: Node): Node[] => [node, ...children(node).flatMap(all)]
await Parser.init()
const parser = new Parser()

function problemsIn(files: readonly string[]): string[] {
  const roots = files.flatMap(file => parser.parse(file)?.rootNode ?? [])
  const broken = roots.filter(root => root.hasError)
  if (broken.length > 0 || roots.length < files.length) return broken.flatMap(root => ['does not parse', ...errorsIn(root)])
  const globals = new Set([...known, ...roots.flatMap(root => declaredIn(root))])
  const nodes = roots.flatMap(all)
  const functions = Map.groupBy(
    nodes.filter(({ type }) => type === 'function_declaration'),
    node => nameOf(node),
  )
  const signatures = new Map([...functions].map(([name, declared]) => [name, declared.map(signatureOf)]))
  return [
    ...nodes.flatMap(twice),
    ...roots.flatMap(root => unknownNames(root, globals, membersOf(nodes))),
    ...nodes.filter(({ type }) => type === 'call_expression').flatMap(call => wrongCall(call, signatures)),
  ]
}

/** Where a tree has holes; the hole itself may have no name. */
const errorsIn = (root: Node): string[] =>
  all(root)
    .filter(node => node.isError || node.isMissing)
    .map(where)

const where = (node: Node): string => `at ${node.startPosition.row + 1}: ${node.text.split('\n')[0]}`
const nameOf = (node: Node): string => node.childForFieldName('name')?.text ?? ''

/** The names that a declaration, a binding or a parameter brings, without those inside. */
function bound(node: Node): string[] {
  switch (node.type) {
    case 'property_declaration':
    case 'for_statement':
      return children(node)
        .filter(({ type }) => type === 'pattern')
        .flatMap(child =>
          all(child)
            .filter(({ type }) => type === 'simple_identifier')
            .map(({ text }) => text),
        )
    case 'guard_statement':
    case 'if_statement':
    case 'while_statement':
      return [node, ...children(node).filter(({ type }) => type === 'pattern')]
        .flatMap(part => part.childrenForFieldName('bound_identifier'))
        .flatMap(child => child?.text ?? [])
    case 'parameter':
    case 'lambda_parameter':
      return children(node)
        .filter(({ type }) => type === 'simple_identifier')
        .slice(-1)
        .map(({ text }) => text)
    case 'function_declaration':
    case 'class_declaration':
    case 'enum_entry':
      return [nameOf(node)]
    case 'type_parameter':
      return children(node)
        .slice(0, 1)
        .map(({ text }) => text)
    default:
      return []
  }
}

/** What a body declares for all that is in it. */
const declaredIn = (body: Node): string[] => children(body).flatMap(bound)

/** Constants and variables of one list of statements or members may not have one name twice. */
function twice(node: Node): string[] {
  if (!['source_file', 'statements', 'class_body'].includes(node.type)) return []
  const names = children(node)
    .filter(({ type }) => type === 'property_declaration' || type === 'guard_statement')
    .flatMap(bound)
  return names.filter((name, i) => names.indexOf(name) < i).map(name => `${name} is declared twice ${where(node)}`)
}

/** What types declare inside, by their names: an extension of one sees it. */
const membersOf = (nodes: readonly Node[]): ReadonlyMap<string, readonly string[]> =>
  new Map(
    nodes
      .filter(({ type }) => type === 'class_declaration')
      .map(node => [
        nameOf(node),
        children(node)
          .filter(({ type }) => /_body$/.test(type))
          .flatMap(declaredIn),
      ]),
  )

/** Names in expressions and types that neither what is around them nor the module declares. */
function unknownNames(node: Node, scope: ReadonlySet<string>, members: ReadonlyMap<string, readonly string[]>): string[] {
  if (node.type === 'simple_identifier' || node.type === 'type_identifier') {
    const free = !isMember(node) && !/^\$\d$|^_$/.test(node.text) && !scope.has(node.text)
    return free ? [`${node.text} is not declared ${where(node.parent ?? node)}`] : []
  }
  if (['import_declaration', 'value_argument_label', 'navigation_suffix', 'prefix_expression'].includes(node.type) && !opens(node))
    return []
  // Bindings of a list of statements hold from where they stand; members and parameters hold in all of a body.
  const own = new Set(scope)
  const type = node.type === 'class_declaration' ? node : undefined
  if (type)
    for (const name of [...(inherited[nameOf(type)] ?? []), ...(members.get(nameOf(type).split('.').at(-1) ?? '') ?? [])]) own.add(name)
  if (/_body$|^source_file$/.test(node.type)) for (const name of declaredIn(node)) own.add(name)
  if (node.type === 'function_declaration' || node.type === 'init_declaration' || node.type === 'lambda_literal')
    for (const name of all(node)
      .filter(({ type }) => /parameter$/.test(type))
      .flatMap(bound))
      own.add(name)
  return children(node).flatMap(child => {
    const found = isDeclaring(child) ? [] : unknownNames(child, own, members)
    if (node.type === 'statements' || opens(node)) for (const name of bound(child)) own.add(name)
    if (child.type === 'simple_identifier' && node.childrenForFieldName('bound_identifier').some(each => each?.id === child.id))
      own.add(child.text)
    if (node.type === 'for_statement') for (const name of bound(node)) own.add(name)
    // Of `case .sampled(let temperature) = choice`, for the conditions behind it.
    if (child.type === 'pattern') for (const name of child.childrenForFieldName('bound_identifier')) own.add(name?.text ?? '')
    return found
  })
}

/** An implicit member, such as `.high`, is a prefix; `-left` and `!x` hold names. */
const opens = (node: Node): boolean => node.type === 'prefix_expression' && !node.text.startsWith('.')
/** What stands behind a dot, in a type and in a pattern too, and a label. */
const isMember = ({ parent, previousSibling }: Node): boolean =>
  parent?.type === 'navigation_suffix' || parent?.type === 'value_argument_label' || previousSibling?.type === '.'

/** Names where they are declared. */
function isDeclaring(node: Node): boolean {
  const { parent } = node
  if (node.type === 'pattern') return true
  if (parent?.type === 'tuple_expression' && parent.childrenForFieldName('name').some(each => each?.id === node.id)) return true
  if (node.type !== 'simple_identifier' && node.type !== 'type_identifier') return false
  const declares = [
    'function_declaration',
    'class_declaration',
    'enum_entry',
    'parameter',
    'lambda_parameter',
    'type_parameter',
    'tuple_type_item',
    'enum_type_parameters',
  ]
  if (parent && declares.includes(parent.type)) return true
  return parent?.childrenForFieldName('bound_identifier').some(each => each?.id === node.id) ?? false
}

function signatureOf(node: Node): Signature {
  const labels: string[] = []
  const optional: boolean[] = []
  for (const [i, child] of node.children.entries()) {
    if (child?.type === 'parameter') {
      labels.push(child.childForFieldName('external_name')?.text ?? nameOf(child))
      optional.push(false)
    } else if (node.fieldNameForChild(i) === 'default_value') optional[optional.length - 1] = true
  }
  return { labels, optional }
}

function wrongCall(call: Node, signatures: ReadonlyMap<string, readonly Signature[]>): string[] {
  const [callee] = children(call)
  const name = callee?.type === 'navigation_expression' ? children(callee).at(-1)?.text.slice(1) : callee?.text
  const own = signatures.get(name ?? '')
  const [list] = children(call).slice(-1).flatMap(children)
  if (!own || list?.type !== 'value_arguments' || list.text.startsWith('[')) return []
  const labels = children(list).map(argument => argument.childForFieldName('name')?.text ?? '_')
  return own.some(signature => fits(labels, signature)) ? [] : [`no ${name} takes (${labels.join(', ')}) ${where(call)}`]
}

function fits(given: readonly string[], { labels, optional }: Signature): boolean {
  let next = 0
  for (const [i, label] of labels.entries()) {
    if (given[next] === label) next++
    else if (!optional[i]) return false
  }
  return next === given.length
}

parser.setLanguage(await Language.load(createRequire(import.meta.url).resolve('tree-sitter-wasms/out/tree-sitter-swift.wasm')))
const modules: Readonly<Record<string, readonly string[]>> = JSON.parse(readFileSync(0, 'utf8'))
const report = Object.fromEntries(Object.entries(modules).map(([name, files]) => [name, problemsIn(files)]))
console.log(JSON.stringify(report))
