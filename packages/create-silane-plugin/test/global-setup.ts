export { default } from '@silane/registry/setup'
