// A table whose rows the server brings a page at a time. One element, however many rows.
// A cell is {text, kind, tone, icon, note, title, at, href}; what it shows comes as text, never HTML.
export default {
  props: {
    caption: String,
    columns: Array, // of {key, label, sort, end, phone}
    rows: Array, // of {key, cells, acts, tone, opens, group}
    page: Number,
    pages: Number,
    total: String, // as words, "121 people"
    sort: String,
    down: Boolean,
    search: String, // label of the search box; none without
    words: Object,
    state: String, // loading | ready | empty | failed
    problem: String,
    selected: String,
  },
  emits: ["ask", "open", "act", "unmask"],
  data() {
    return { shown: this.rows, sought: "" };
  },
  watch: {
    rows(next) {
      this.shown = next;
    },
  },
  beforeUnmount() {
    clearTimeout(this.pause);
  },
  methods: {
    blank(cell) {
      return !cell.text && !cell.note && !cell.at && !(cell.tags || []).length && !cell.can;
    },
    put(row) {
      const at = this.shown.findIndex((each) => each.key === row.key);
      if (at >= 0) this.shown.splice(at, 1, row);
    },
    drop(key) {
      this.shown = this.shown.filter((each) => each.key !== key);
    },
    ask(change) {
      this.$emit("ask", { page: this.page, sort: this.sort, down: this.down, search: this.sought, ...change });
    },
    seek() {
      clearTimeout(this.pause);
      this.pause = setTimeout(() => this.ask({ page: 1 }), 300);
    },
    turn(column) {
      this.ask({ page: 1, sort: column.key, down: this.sort === column.key && !this.down });
    },
    order(column) {
      if (!column.sort) return undefined;
      if (this.sort !== column.key) return "none";
      return this.down ? "descending" : "ascending";
    },
    opener() {
      return this.columns.find((each) => each.phone === "title") || this.columns[0];
    },
    cell(row, column) {
      return row.cells[column.key] || { text: "" };
    },
    when(cell) {
      return cell.at ? window.xl.ago(cell.at, cell.text) : cell.text;
    },
    use(name) {
      return window.xl.icon(name);
    },
  },
  template: `
    <section class="tablebox" :aria-busy="state === 'loading' ? 'true' : 'false'">
      <div v-if="search || $slots.default" class="tablebox__tools">
        <label v-if="search" class="find">
          <svg class="i" aria-hidden="true"><use :href="use('search')" /></svg>
          <input type="search" class="find__input" v-model="sought" :aria-label="search"
            :placeholder="search" maxlength="100" @input="seek" @keydown.enter="ask({page: 1})" />
        </label>
        <slot />
      </div>
      <div v-if="state === 'failed'" class="empty" role="alert">
        <svg class="i empty__mark" aria-hidden="true"><use :href="use('alert')" /></svg>
        <p class="empty__words">{{ problem }}</p>
        <button type="button" class="btn btn--line" @click="ask({})">{{ words.again }}</button>
      </div>
      <div v-else-if="state === 'empty'" class="empty">
        <svg class="empty__art" aria-hidden="true" viewBox="0 0 120 72"><use :href="use('art-twig')" /></svg>
        <h2>{{ sought ? words.nothing_found : words.empty_title }}</h2>
        <p class="empty__words">{{ sought ? words.search_less : words.empty_text }}</p>
        <slot v-if="!sought" name="empty" />
      </div>
      <table v-else class="table">
        <caption class="sr">{{ caption }}</caption>
        <thead><tr>
          <th v-for="column in columns" :key="column.key" scope="col" :class="{r: column.end}"
            :aria-sort="order(column)">
            <button v-if="column.sort" type="button" class="table__sort" @click="turn(column)">{{ column.label }}<svg
              class="i" :class="{dim: sort !== column.key}" aria-hidden="true"><use
              :href="use(sort === column.key ? (down ? 'down' : 'up') : 'sort')" /></svg></button>
            <template v-else>{{ column.label }}</template>
          </th>
          <th v-if="words.acts" scope="col" class="r"><span class="sr">{{ words.acts }}</span></th>
        </tr></thead>
        <tbody v-if="state === 'loading' && !shown.length">
          <tr v-for="n in 5" :key="n"><td v-for="column in columns" :key="column.key"><span class="sk"
            :style="{width: 40 + (n * 17 + column.key.length * 11) % 50 + '%'}"></span></td>
            <td v-if="words.acts"></td></tr>
        </tbody>
        <tbody v-else>
          <template v-for="(row, n) in shown" :key="row.key">
          <tr v-if="row.group && (n === 0 || shown[n - 1].group !== row.group)" class="table__group"><th
            :colspan="columns.length + (words.acts ? 1 : 0)" scope="colgroup">{{ row.group }}</th></tr>
          <tr :class="row.tone ? 'is-' + row.tone : undefined"
            :aria-selected="row.key === selected ? 'true' : undefined">
            <td v-for="column in columns" :key="column.key" :class="[{r: column.end, 'is-blank': blank(cell(row, column))}, 'on-phone-' + (column.phone || 'line')]"
              :data-label="column.label">
              <button v-if="row.opens && column.key === opener().key" type="button" class="table__open"
                @click="$emit('open', row.key)">{{ cell(row, column).text }}</button>
              <a v-else-if="cell(row, column).href" class="table__link" :href="cell(row, column).href">{{ cell(row, column).text }}</a>
              <span v-else-if="cell(row, column).kind === 'state'" class="state" :class="'state--' + cell(row, column).tone">
                <svg class="i" aria-hidden="true"><use :href="use(cell(row, column).icon)" /></svg>{{ cell(row, column).text }}</span>
              <span v-else-if="cell(row, column).kind === 'tags'" class="tags"><span v-for="tag in cell(row, column).tags"
                :key="tag.text" class="tag" :class="'tag--' + tag.tone">{{ tag.text }}</span></span>
              <span v-else-if="cell(row, column).kind === 'masked'" class="masked"><span>{{ cell(row, column).text }}</span><button
                v-if="cell(row, column).can" type="button" class="btn btn--quiet btn--icon btn--sm"
                :aria-label="words.unmask + ' ' + column.label + ' ' + row.name" :title="words.unmask"
                @click="$emit('unmask', {key: row.key, column: column.key})"><svg class="i" aria-hidden="true"><use
                :href="use('eye')" /></svg></button></span>
              <time v-else-if="cell(row, column).at" :datetime="cell(row, column).at" :title="cell(row, column).title"
                data-ago>{{ when(cell(row, column)) }}</time>
              <span v-else :title="cell(row, column).title">{{ cell(row, column).text }}</span>
              <template v-if="cell(row, column).tags && cell(row, column).kind !== 'tags'">{{ " " }}<span class="tags"><span
                v-for="tag in cell(row, column).tags" :key="tag.text" class="tag" :class="'tag--' + tag.tone">{{ tag.text }}</span></span></template>
              <small v-if="cell(row, column).note" class="table__note">{{ cell(row, column).note }}</small>
            </td>
            <td v-if="words.acts" class="r table__acts"><button v-for="act in row.acts" :key="act.name" type="button"
              class="btn btn--sm" :class="'btn--' + act.kind" @click="$emit('act', {key: row.key, name: act.name})">{{ act.label
              }}<span class="sr"> {{ row.name }}</span></button></td>
          </tr>
          </template>
        </tbody>
      </table>
      <nav v-if="state !== 'empty' && state !== 'failed'" class="pager" :aria-label="caption + ', ' + words.pages">
        <span class="pager__total" role="status">{{ total }}</span>
        <template v-if="pages > 1">
          <button type="button" class="btn btn--line btn--icon" :disabled="page <= 1" :aria-label="words.previous"
            :title="words.previous" @click="ask({page: page - 1})"><svg class="i" aria-hidden="true"><use :href="use('back')" /></svg></button>
          <span class="pager__page">{{ page }} / {{ pages }}</span>
          <button type="button" class="btn btn--line btn--icon" :disabled="page >= pages" :aria-label="words.next"
            :title="words.next" @click="ask({page: page + 1})"><svg class="i" aria-hidden="true"><use :href="use('go')" /></svg></button>
        </template>
      </nav>
    </section>`,
};
