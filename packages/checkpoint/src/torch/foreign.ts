import type { PickleValue } from './pickle-value.ts'

/** Classes and functions of Python that neither name a program nor reach one: their names may occur, their objects are opaque. */
const BUILTINS = ['bool', 'bytearray', 'bytes', 'complex', 'dict', 'float', 'frozenset', 'int', 'list', 'long', 'object', 'range'].concat([
  'set',
  'slice',
  'str',
  'tuple',
  'unicode',
  'xrange',
])

const builtin = (names: readonly string[]): string[] => names.flatMap(name => [`__builtin__.${name}`, `builtins.${name}`])

/** What pickle writes as a call where an object is a value: numbers of NumPy, paths, sets, times. What it makes is opaque. */
const values: ReadonlySet<string> = new Set([
  ...builtin(['bytearray', 'complex', 'frozenset', 'range', 'set', 'slice', 'xrange']),
  '_codecs.encode',
  'collections.Counter',
  'collections.defaultdict',
  'collections.deque',
  'copy_reg._reconstructor',
  'copyreg._reconstructor',
  'datetime.date',
  'datetime.datetime',
  'datetime.timedelta',
  'decimal.Decimal',
  ...['numpy.core.multiarray', 'numpy._core.multiarray'].flatMap(module => [`${module}._reconstruct`, `${module}.scalar`]),
  'numpy.dtype',
  ...['Path', 'PosixPath', 'PurePath', 'PurePosixPath', 'PureWindowsPath', 'WindowsPath'].map(name => `pathlib.${name}`),
  'torch.device',
  'uuid.UUID',
])

/** Modules that run programs, load code or reach other machines. Nothing that is saved has to name them, so a file that does is not trusted. */
const REFUSED = new Set(
  `_pickle _posixsubprocess asyncio bdb builtins __builtin__ cProfile code codeop commands ctypes distutils ensurepip ftplib glob http
  httplib imaplib imp importlib inspect io linecache marshal multiprocessing nntplib nt operator _operator os pdb pickle pip pkgutil
  platform poplib posix profile pty pydoc requests runpy setuptools shutil signal site smtplib socket socketserver ssl subprocess sys
  telnetlib tempfile threading timeit trace types urllib urllib2 venv webbrowser xmlrpc zipimport`.split(/\s+/),
)

const NAME = /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$/

const plain: ReadonlySet<string> = new Set(builtin(BUILTINS))

/** Whether the name of a class that is not known may stand in a pickle, as that of an object beside the tensors. */
export const isForeign = (name: string): boolean => plain.has(name) || (NAME.test(name) && !REFUSED.has(name.split('.')[0] ?? ''))

/** Whether a call of this name is how pickle writes a value. */
export const isValueCall = (name: string): boolean => values.has(name)

/** Whether a value is memory of tensors, or has some in it. */
export function holdsTensors(value: PickleValue): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (value.kind === 'tensor' || value.kind === 'storage') return true
  return 'sealed' in value && value.tensors
}
