-- Dimensions. In each, number 1 is "-": not known, or does not apply. The day 30001231 is no day.

-- name: create_days
-- All days on which something can have happened or may be planned, by their number YYYYMMDD.
create table tb_dim_tempo (
    co_seq_dim_tempo bigint not null, dt_registro date not null, nu_dia integer not null,
    nu_mes integer not null, nu_ano integer not null, nu_dia_semana integer,
    nu_quadrimestre integer, nu_semestre integer, ds_mes_ano varchar(7)
);
insert into tb_dim_tempo
select to_char(d, 'YYYYMMDD')::bigint, d::date, extract(day from d), extract(month from d),
    extract(year from d), extract(dow from d), (extract(month from d)::integer + 3) / 4,
    (extract(month from d)::integer + 5) / 6, to_char(d, 'MM/YYYY')
from (
    select generate_series((day - interval '106 years')::timestamp, day + interval '3 years',
        interval '1 day') as d from plan
    union all select timestamp '3000-12-31'
) as days

-- name: create_places
-- States, municipalities, units and teams. The municipality of the source is number 2; the others
-- stand there since citizens come from elsewhere, and belong to no unit.
create table tb_dim_uf (
    co_seq_dim_uf bigint not null, co_ibge varchar(2), sg_uf varchar(2), no_uf varchar(60)
);
insert into tb_dim_uf values (1, '-', '-', '-'), (2, '26', 'PE', 'PERNAMBUCO');
create table tb_dim_municipio (
    co_seq_dim_municipio bigint not null, co_ibge varchar(7), no_municipio varchar(120),
    co_dim_uf bigint, st_registro_valido integer
);
insert into tb_dim_municipio
select 1, '-', '-', 1, 1
union all select 2, ibge, 'MUNICÍPIO DE PROVA', 2, 1 from plan
union all select 2 + i, (9900000 + i)::text, 'MUNICÍPIO VIZINHO ' || i, 1, 1
from generate_series(1, 30) as i;
create table tb_dim_unidade_saude (
    co_seq_dim_unidade_saude bigint not null, nu_cnes varchar(7), no_unidade_saude varchar(255),
    no_bairro varchar(120), st_registro_valido integer
);
insert into tb_dim_unidade_saude
select 1, '-', '-', '-', 1
union all select 1 + i, lpad((9000000 + 37 * i)::text, 7, '0'), 'UNIDADE DE PROVA ' || i,
    'BAIRRO ' || i, 1
from plan, generate_series(1, units) as i;
create table tb_dim_equipe (
    co_seq_dim_equipe bigint not null, nu_ine varchar(10), no_equipe varchar(255),
    sg_tipo_equipe varchar(10), st_registro_valido integer
);
insert into tb_dim_equipe
select 1, '-', '-', '-', 1
union all select 1 + i, lpad((9990000 + 13 * i)::text, 10, '0'), 'EQUIPE DE PROVA ' || i,
    case when i % 7 = 0 then 'EAP' else 'ESF' end, 1
from plan, generate_series(1, teams) as i

-- name: create_people_at_work
-- Professionals and what they are. Their names say that they are none.
create table tb_dim_cbo (
    co_seq_dim_cbo bigint not null, nu_cbo varchar(6), no_cbo varchar(255)
);
insert into tb_dim_cbo values
    (1, '-', '-'), (2, '225142', 'MÉDICO DA ESTRATÉGIA DE SAÚDE DA FAMÍLIA'),
    (3, '223565', 'ENFERMEIRO DA ESTRATÉGIA DE SAÚDE DA FAMÍLIA'),
    (4, '322245', 'TÉCNICO DE ENFERMAGEM DA ESTRATÉGIA DE SAÚDE DA FAMÍLIA'),
    (5, '515105', 'AGENTE COMUNITÁRIO DE SAÚDE'),
    (6, '223293', 'CIRURGIÃO-DENTISTA DA ESTRATÉGIA DE SAÚDE DA FAMÍLIA');
create table tb_dim_profissional (
    co_seq_dim_profissional bigint not null, nu_cns varchar(15), no_profissional varchar(255)
);
insert into tb_dim_profissional
select 1, '-', '-'
union all select 1 + i, '9' || lpad(i::text, 14, '0'), 'PROFISSIONAL DE PROVA ' || i
from plan, generate_series(1, professionals) as i

-- name: create_words
-- Sexes, colours, problems (CIAP-2, CID-10) and vaccines, as far as lists look at them.
create table tb_dim_sexo (
    co_seq_dim_sexo bigint not null, nu_identificador varchar(5), ds_sexo varchar(50),
    sg_sexo varchar(1)
);
insert into tb_dim_sexo values (1, '-', '-', '-'), (2, '0', 'MASCULINO', 'M'),
    (3, '1', 'FEMININO', 'F'), (4, '4', 'INDETERMINADO', 'I');
create table tb_dim_raca_cor (
    co_seq_dim_raca_cor bigint not null, nu_identificador varchar(5), ds_raca_cor varchar(50)
);
insert into tb_dim_raca_cor values (1, '-', '-'), (2, '1', 'BRANCA'), (3, '2', 'PRETA'),
    (4, '4', 'PARDA'), (5, '3', 'AMARELA'), (6, '5', 'INDÍGENA'), (7, '6', 'SEM INFORMAÇÃO');
create table tb_dim_ciap (
    co_seq_dim_ciap bigint not null, nu_ciap varchar(10), no_ciap varchar(255)
);
insert into tb_dim_ciap
select number, code, case code when '-' then '-' else 'PROBLEMA ' || code end
from unnest(string_to_array('- W78 W79 W81 W84 W85 K86 K87 T89 T90 A03 A97 A98 D01 D73 D82 F70 H71 '
    'K77 L03 L84 N01 N89 P01 P76 R05 R74 R96 S18 S74 T82 U71 X72 X84 Y07 Z01', ' '))
    with ordinality as words (code, number);
create table tb_dim_cid (
    co_seq_dim_cid bigint not null, nu_cid varchar(10), no_cid varchar(255)
);
insert into tb_dim_cid
select number, code, case code when '-' then '-' else 'DIAGNÓSTICO ' || code end
from unnest(string_to_array('- Z34 Z35 O14 O24 I10 I11 I13 I15 E10 E11 E14', ' '))
    with ordinality as words (code, number)
union all select 100 + i, chr(65 + i % 4) || lpad((i % 100)::text, 2, '0') || i / 200,
    'DIAGNÓSTICO DE PROVA ' || i
from generate_series(1, 1200) as i

-- name: create_vaccines
-- Vaccines and doses, by the numbers and signs that Brazil's programme gives them.
create table tb_dim_imunobiologico (
    co_seq_dim_imunobiologico bigint not null, nu_identificador varchar(10),
    sg_imunobiologico varchar(30), no_imunobiologico varchar(255), st_registro_valido integer
);
insert into tb_dim_imunobiologico
select row_number() over (), number, sign, case sign when '-' then '-' else 'VACINA ' || sign end, 1
from (values
    ('-', '-'), ('15', 'BCG'), ('9', 'HB'), ('42', 'PENTA'), ('22', 'VIP'), ('28', 'VOPb'),
    ('45', 'VRH'), ('26', 'VPC10'), ('41', 'MenC'), ('14', 'FA'), ('24', 'SCR'), ('34', 'VZ'),
    ('55', 'HA'), ('46', 'DTP'), ('25', 'dT'), ('57', 'dTpa'), ('67', 'HPV4'), ('33', 'INF3'),
    ('85', 'COV'), ('21', 'VPP23'), ('74', 'MenACWY')
) as vaccines (number, sign);
create table tb_dim_dose_imunobiologico (
    co_seq_dim_dose_imunobiologico bigint not null, nu_identificador varchar(10),
    sg_dose_imunobiologico varchar(10), no_dose_imunobiologico varchar(100)
);
insert into tb_dim_dose_imunobiologico values (1, '-', '-', '-'), (2, '1', 'D1', '1ª DOSE'),
    (3, '2', 'D2', '2ª DOSE'), (4, '3', 'D3', '3ª DOSE'), (5, '4', 'D4', '4ª DOSE'),
    (6, '6', 'R1', '1º REFORÇO'), (7, '7', 'R2', '2º REFORÇO'), (8, '9', 'DU', 'DOSE ÚNICA'),
    (9, '8', 'D', 'DOSE')

-- name: create_procedures
-- Those that lists look for have the numbers below 100; the others are as good as any.
create table tb_dim_procedimento (
    co_seq_dim_procedimento bigint not null, co_proced varchar(20), ds_proced varchar(255)
);
insert into tb_dim_procedimento values (1, '-', '-'),
    (2, '0301010064', 'CONSULTA MÉDICA EM ATENÇÃO PRIMÁRIA'),
    (3, '0301100039', 'AFERIÇÃO DE PRESSÃO ARTERIAL'),
    (4, '0201020033', 'COLETA DE MATERIAL PARA EXAME CITOPATOLÓGICO DE COLO DE ÚTERO'),
    (5, '0203010086', 'EXAME CITOPATOLÓGICO CÉRVICO-VAGINAL/MICROFLORA - RASTREAMENTO'),
    (6, '0202010503', 'DOSAGEM DE HEMOGLOBINA GLICOSILADA'),
    (7, '0301040095', 'EXAME DO PÉ DIABÉTICO'),
    (8, '0202010317', 'DOSAGEM DE CREATININA'),
    (9, '0214010074', 'TESTE RÁPIDO PARA SÍFILIS'),
    (10, '0214010058', 'TESTE RÁPIDO PARA DETECÇÃO DE INFECÇÃO PELO HIV'),
    (11, '0204030188', 'MAMOGRAFIA BILATERAL PARA RASTREAMENTO'),
    (12, '0211020036', 'ELETROCARDIOGRAMA');
insert into tb_dim_procedimento
select 100 + i, '039900' || lpad(i::text, 4, '0'), 'PROCEDIMENTO DE PROVA ' || i
from generate_series(1, 300) as i

-- name: create_other_dimensions
-- The rest, each of the same shape: a number, what the forms call it, and a word.
do $$
declare noun text;
begin
    foreach noun in array string_to_array('aleitamento atividade_coletiva_pratica '
        'atividade_coletiva_publico atividade_coletiva_tema atividade_educacional avaliacao_risco '
        'causa_obito classificacao_risco condicao_avaliada conduta_ad conduta_odonto cuidador '
        'deficiencia desfecho_visita destino_encaminhamento destino_lixo doenca_cardiaca '
        'doenca_respiratoria doenca_rins elegibilidade escolaridade especialidade '
        'estrategia_vacinacao etnia exame faixa_etaria faixa_peso forma_farmaceutica '
        'fornecimento_odonto frequencia_alimentacao frequencia_uso grupo_atendimento '
        'grupo_imunobiologico grupo_medicamento higiene_rua identidade_genero inep lado_boca '
        'laboratorio_vacina local_aplicacao local_atendimento marcador_alimentar medicamento '
        'modalidade_ad motivo_alta motivo_visita nacionalidade nivel_atencao orientacao_sexual '
        'origem_alimentacao pais parentesco povo_comunidade_tradicional procedencia '
        'racionalidade_saude rastreio_neonatal renda_familiar responsavel_crianca '
        'saida_cadastro sitio_coleta situacao_moradia situacao_problema situacao_trabalho '
        'tempo_rua tipo_abastecimento_agua tipo_acesso_domicilio tipo_atendimento tipo_consulta '
        'tipo_domicilio tipo_escoamento tipo_ficha tipo_glicemia tipo_gravidez tipo_imovel '
        'tipo_localizacao tipo_material_parede tipo_parto tipo_posse_terra tipo_tratamento_agua '
        'turno via_administracao', ' ')
    loop
        execute format('create table tb_dim_%1$s (co_seq_dim_%1$s bigint not null, '
            'nu_identificador varchar(20), ds_%1$s varchar(255), st_registro_valido integer)',
            noun);
        execute format('insert into tb_dim_%s select 1, ''-'', ''-'', 1 '
            'union all select 1 + i, i::text, upper(%L) || '' '' || i, 1 '
            'from generate_series(1, 3 + length(%L) %% 9) as i', noun, noun, noun);
    end loop;
end $$
