import { generationConformance } from '@silane/testkit'
import bart from '../src/index.ts'

generationConformance(bart, { root: new URL('..', import.meta.url) })
