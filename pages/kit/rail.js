// Where this person can go, at the left of every staff page: one element, however many places.
export default {
  props: {
    label: String,
    home: String, // what the mark leads to, in words
    logo: String,
    places: Array, // of {href, icon, text, here}
    counts: Object, // by href: {n, said}, how much waits there
    demo: String, // said on a phone where everything is made up; none elsewhere
  },
  methods: {
    icon(name) {
      return window.xl.icon(name);
    },
  },
  template: `
    <nav class="rail" :aria-label="label">
      <a class="rail__mark" href="/" :aria-label="home"><img :src="logo" alt="" /></a>
      <a v-for="each in places" :key="each.href" class="rail__link" :href="each.href"
         :aria-current="each.here ? 'page' : null">
        <svg class="i" aria-hidden="true" focusable="false"><use :href="icon(each.icon)" /></svg>
        <span>{{ each.text }}<span v-if="(counts[each.href] || {}).said" class="sr"> {{ counts[each.href].said }}</span></span>
        <span v-if="counts[each.href]" class="count" aria-hidden="true" :data-n="counts[each.href].n"></span>
      </a>
      <span v-if="demo" class="badge badge--rail">{{ demo }}</span>
      <span class="rail__gap"></span>
    </nav>`,
};
