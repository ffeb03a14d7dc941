// A button, or a link that looks like one: icon, words, and the key that presses it.
export default {
  props: {
    label: String,
    icon: String,
    kbd: String,
    href: String,
    type: { type: String, default: "button" },
    bare: Boolean, // icon only: the words are for screen readers and the tooltip
    busy: Boolean,
    disable: Boolean,
  },
  methods: {
    use(name) {
      return window.xl.icon(name);
    },
  },
  template: `
    <component :is="href ? 'a' : 'button'" class="btn" :href="href" :type="href ? undefined : type"
      :disabled="!href && disable ? true : undefined" :aria-busy="busy ? 'true' : undefined"
      :aria-label="bare ? label : undefined" :title="bare ? label : undefined"
      :aria-keyshortcuts="kbd || undefined">
      <svg v-if="icon" class="i" aria-hidden="true" focusable="false"><use :href="use(icon)" /></svg>
      <span v-if="!bare && label" class="btn__label">{{ label }}</span>
      <kbd v-if="kbd" class="kbd" aria-hidden="true">{{ kbd }}</kbd>
      <slot />
    </component>`,
};
