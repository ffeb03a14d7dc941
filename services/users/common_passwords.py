"""Words that people, in China above all, take for passwords: written for this house by hand.

Lower case and without decoration: services/users/passwords.py takes capitals, `@` for `a`, and
years at the end away before it looks here.
"""

COMMON = frozenset(
    """
    password passwd pass word passport secret letmein welcome login logon signin master root admin
    administrator administrators guest user users test tester testing demo default changeme change
    newpassword oldpassword mypassword iloveyou loveyou lovely monkey dragon sunshine princess
    football baseball superman batman shadow michael jordan charlie freedom whatever trustno hello
    helloworld computer internet windows microsoft google baidu tencent alibaba huawei xiaomi
    weixin wechat qq taobao alipay zhifubao china zhongguo beijing shanghai guangzhou shenzhen
    chengdu hangzhou hongkong taiwan america summer winter spring autumn january monday

    woaini woaini520 woaini521 woaini1314 woaini123 woaini5201314 woaiwo woaiwojia woailaopo
    woailaogong woaibaba woaimama wodemima mima mimashi wobuzhidao woshishui wojiushiwo nihao
    nihaoma xiexie zaijian laopo laogong baobao baobei qinaide xingfu kuaile pingan jiankang facai
    gongxifacai dajiahao zhangsan lisi wangwu zhaoliu wangxiaoming xiaoming xiaohong tiantian
    aini ainiyiwannian yishengyishi yiwannian aiqing meimei gege didi jiejie haha hehe heihei aaa
    a123456 a123456789 abc abcabc abc123 abc123456 aa123456 aa112233 asd asdasd asd123 asdf qwe
    qweqwe qwe123 qweasd qweasdzxc qazwsx qazwsxedc zaq12wsx zxc zxczxc zxc123 admin123 admin888
    root123 test123 pass123 p123456 q123456 z123456 w123456 x123456 aaa123 aaaa1111

    5201314 520520 5211314 1314520 1314521 7758521 7758258 5845201314 3344520 9958123 147258369
    147258 159357 159753 123321 112233 11223344 123123 123123123 121212 131313 888888 666666
    168168 88888888 66666666 5211314520 100200 110110 119119 120120 10086 95588 951753 741852963

    hospital hospitals clinic doctor doctors nurse nurses pharmacy pharmacist medical medicine
    medicare health healthcare patient patients cashier reception registration surgery telemedicine
    xinglin xinglinyuan apricot apricots yiyuan yisheng hushi yaofang yaoshi yaoji menzhen
    menzhenbu zhuyuan guahao shoufei jiankangzhongguo weisheng weishengyuan weishengju weijianwei
    renminyiyuan zhongyiyuan zhongyi xiyi huliban yiwuke xinxike xinxizhongxin jizhen zhenliao
    bingren huanzhe shequ weishengsuo
    """.split()  # noqa: SIM905 - a list a person can read
)
