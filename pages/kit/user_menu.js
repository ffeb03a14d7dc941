// Who is signed in, and what they can do about it; `data-set` is heard by theme.js.
export default {
  props: {
    words: Object, // title, account, theme, sign_out
    name: String,
    role: String,
    account: String, // where the account is looked after
    leave: String, // where the form that signs out is sent
    language: Object, // {code, tag, name}: the other one
  },
  methods: {
    icon(name) {
      return window.xl.icon(name);
    },
  },
  computed: {
    initial() {
      return Array.from(this.name)[0] || "";
    },
  },
  template: `
    <details class="menu">
      <summary :title="words.title">
        <span class="face" aria-hidden="true">{{ initial }}</span>
        <span class="menu__who"><span>{{ name }}</span><small v-if="role">{{ role }}</small></span>
      </summary>
      <div class="menu__list">
        <a class="menu__item" :href="account">
          <svg class="i" aria-hidden="true" focusable="false"><use :href="icon('person')" /></svg>
          <span>{{ words.account }}</span>
        </a>
        <button class="menu__item" type="button" data-set="theme:turn">
          <svg class="i" aria-hidden="true" focusable="false"><use :href="icon('moon')" /></svg>
          <span>{{ words.theme }}</span>
        </button>
        <button class="menu__item" type="button" :data-set="'language:' + language.code" :lang="language.tag">
          <svg class="i" aria-hidden="true" focusable="false"><use :href="icon('language')" /></svg>
          <span>{{ language.name }}</span>
        </button>
        <slot />
        <hr />
        <form :action="leave" method="post">
          <button class="menu__item" type="submit">
            <svg class="i" aria-hidden="true" focusable="false"><use :href="icon('out')" /></svg>
            <span>{{ words.sign_out }}</span>
          </button>
        </form>
      </div>
    </details>`,
};
