// A few numbers to begin the day with, each a way to where it is dealt with: one element in all.
export default {
  props: {
    label: String,
    items: Array, // of {name, value, foot, tone, icon, said, href}
  },
  methods: {
    use(name) {
      return window.xl.icon(name);
    },
  },
  template: `
    <ul class="figures" :aria-label="label">
      <li v-for="each in items" :key="each.name">
        <a class="card metric metric--link" :class="each.tone ? 'metric--' + each.tone : undefined" :href="each.href">
          <span class="metric__name">{{ each.name }}<span v-if="each.tone" class="state" :class="'state--' + each.tone">
            <svg class="i" aria-hidden="true"><use :href="use(each.icon)" /></svg>{{ each.said }}</span></span>
          <span class="metric__value">{{ each.value }}</span>
          <span class="metric__foot">{{ each.foot }}</span>
        </a>
      </li>
    </ul>`,
};
